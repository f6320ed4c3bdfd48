-- Cancels a booking, releases a hold or declines an offer, and gives the tickets to the head of the
-- waiting list, in one step. Cancelling again changes nothing and returns the first answer.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- KEYS[5]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  uuid            of the event, or empty for whatever event has this number; always
--                          empty if a booking is given
-- ARGV[5]  booking         short id, or empty for the user's oldest booking that has tickets, or the
--                          oldest waiting one if none has any
-- ARGV[6]  user            owner of the booking; or empty for whoever that is, if a booking is given
-- ARGV[7]  cancellation    id of this request, chosen by the caller. Without a booking id it
--                          distinguishes a retry from a request to cancel one more
-- ARGV[8]  by              name of the organizer's API key of the request, or empty
-- Returns  {word, version, booking, replayed, promotionsDue, rows}
--                promotionsDue is 1 if promote.lua has work
--   cancelled    rows is a flat list of the bookings that this cancellation promoted, in order:
--                short id, record, short id ...; replayed is 1 if the booking had been cancelled before
--   no_event, no_booking: nothing changed
--   hold_expired: nothing changed, the hold or the offer had ended before
--   due          nothing changed: the deadline of the hold or the offer has passed. Call
--                expire.lua first
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt      nothing changed: what is stored of the booking, of its user or of the waiting
--                list is broken
--   busy         nothing changed: promotions are due. Call promote.lua first, so that the
--                answer can name the booking that gets the tickets

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks, override, grace, uuid, booking = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5]
local user, cancellation, by = ARGV[6], '!' .. ARGV[7], ARGV[8]
local byUser = booking == ''

local e, refusal, holding, record = load_event(eventKey, uuid, '@' .. user, byUser and cancellation or booking)
local function refuse(word) return unchanged(e, acks, {word, 0, '', 0, 0, {}}) end
if refusal then return refuse(refusal) end
if byUser then
  local tickets, oldest = read_holding(holding)
  if not tickets then return refuse('corrupt') end
  booking = record or oldest
  record = redis.call('HGET', eventKey, booking)
end
local b = record and read_booking(record)
if record and not b then return refuse('corrupt') end

if b and user == '' then
  user = b.user
end
if not b or b.user ~= user then return refuse('no_booking') end
if b.status == 'cancelled' then
  local version = version_of(b.cancelled)
  local kind, promoted = promotions_of_entry(redis.call('LINDEX', logKey, string.format('%d', version - 1)))
  if kind ~= 'X' then return refuse('corrupt') end
  return unchanged(e, acks, {'cancelled', version, booking, 1, e.promotionsDue, booking_rows(e, promoted, {})})
end
if b.status == 'expired' then return refuse('hold_expired') end
local now = now_millis(override)
if b.ends and b.expiresAt <= now and not grace then return refuse('due') end
if b.hasTickets and e.promotionsDue == 1 then return {'busy', 0, '', 0, 1, {}} end

local isHead, edits = b.waits and b.sequence == e.lastServed + 1, {}
if not unlink_booking(e, edits, booking, b) then return refuse('corrupt') end
if b.ends then
  e.held = e.held - b.quantity
  forget_deadline(e, deadlinesKey, booking, b.expiresAt)
elseif b.hasTickets then
  e.confirmed = e.confirmed - b.quantity
end
if b.waits then e.waiting = e.waiting - 1 end
local served = {promoted = {}, looked = 0, withdrawn = 0, more = false, expiresAt = ''}
if b.hasTickets or isHead then
  served = serve_waitlist(e, waitlistKey, now, isHead and 1 or 0, edits)
  if not served then return {'corrupt', 0, '', 0, 0, {}} end
end
if served.more then e.promotionsDue = 1 end

log_change(e, log_entry('X', now, booking, table.concat(served.promoted, ','), by))
b.status, b.cancelled = 'cancelled', write_moment(e.version, now)
edits[booking] = write_booking(b)
if byUser then edits[cancellation] = booking end
commit_edits(e, logKey, edits)
if b.ends then redis.call('ZREM', deadlinesKey, booking) end
if b.waits and not isHead then
  redis.call('ZADD', withdrawnKey, b.sequence, b.sequence)
else
  trim_waitlist(e, waitlistKey, withdrawnKey, deadlinesKey, served)
end
return {'cancelled', e.version, booking, 0, e.promotionsDue, booking_rows(e, served.promoted, edits)}
