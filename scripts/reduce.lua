-- Leaves a booking, a hold or an offer with fewer tickets, and gives the others to the head of the waiting
-- list, in one step. A booking that waits keeps its place, and gets its tickets if it is at the head and
-- now fits. Reducing again to the same quantity changes nothing and returns the first answer.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- KEYS[5]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  booking         short id
-- ARGV[5]  user            owner of the booking; or empty for whoever that is
-- ARGV[6]  quantity        tickets that it is to have, at least 1
-- ARGV[7]  by              name of the organizer's API key of the request, or empty
-- Returns  {word, version, status, replayed, promotionsDue, rows}
--                promotionsDue is 1 if promote.lua has work
--   reduced      status is that of the booking now; rows is a flat list of the bookings that this
--                promoted, in order: short id, record, short id ...; replayed is 1 if the booking has
--                had so many tickets since that version, by an earlier call or as it was booked
--   no_event, no_booking, booking_cancelled, quantity_increase: nothing changed
--   hold_expired: nothing changed, the hold or the offer had ended before
--   due          nothing changed: the deadline of the hold or the offer has passed. Call
--                expire.lua first
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt      nothing changed: what is stored of the booking, of its user or of the waiting
--                list is broken
--   busy         nothing changed: promotions are due. Call promote.lua first, so that the
--                answer can name the booking that gets the tickets

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks, override, grace, booking = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local user, quantity, by = ARGV[5], tonumber(ARGV[6]), ARGV[7]

local e, refusal, record = load_event(eventKey, '', booking)
local function refuse(word) return unchanged(e, acks, {word, 0, '', 0, 0, {}}) end
if refusal then return refuse(refusal) end
local b = record and read_booking(record)
if record and not b then return refuse('corrupt') end
if not b or user ~= '' and b.user ~= user then return refuse('no_booking') end
if b.reducedAt and b.quantity == quantity then
  local kind, promoted = promotions_of_entry(redis.call('LINDEX', logKey, string.format('%d', b.reducedAt - 1)))
  if kind ~= 'R' then return refuse('corrupt') end
  return unchanged(e, acks, {'reduced', b.reducedAt, b.status, 1, e.promotionsDue, booking_rows(e, promoted, {})})
end
if b.status == 'cancelled' then return refuse('booking_cancelled') end
if b.status == 'expired' then return refuse('hold_expired') end
local now = now_millis(override)
if b.ends and b.expiresAt <= now and not grace then return refuse('due') end
if quantity > b.quantity then return refuse('quantity_increase') end
if quantity == b.quantity then
  return unchanged(e, acks, {'reduced', b.version, b.status, 1, e.promotionsDue, {}})
end
if e.promotionsDue == 1 then return {'busy', 0, '', 0, 1, {}} end

local holder = '@' .. b.user
local freed, edits = b.quantity - quantity, {}
local tickets, oldest, newest = read_holding(redis.call('HGET', eventKey, holder))
if not tickets or oldest == '' or tickets < b.quantity then return refuse('corrupt') end
edits[holder] = write_holding(tickets - freed, oldest, newest)
if b.ends then
  e.held = e.held - freed
elseif b.hasTickets then
  e.confirmed = e.confirmed - freed
end
b.quantity, b.reducedAt = quantity, e.version + 1
edits[booking] = write_booking(b)
local served = serve_waitlist(e, waitlistKey, now, 0, edits)
if not served then return {'corrupt', 0, '', 0, 0, {}} end
if served.more then e.promotionsDue = 1 end

log_change(e, log_entry('R', now, booking, string.format('%d', quantity), table.concat(served.promoted, ','), by))
commit_edits(e, logKey, edits)
trim_waitlist(e, waitlistKey, withdrawnKey, deadlinesKey, served)
local rows = booking_rows(e, served.promoted, edits)
return {'reduced', e.version, read_booking(edits[booking]).status, 0, e.promotionsDue, rows}
