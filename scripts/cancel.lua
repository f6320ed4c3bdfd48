-- Cancels a booking and gives its tickets to the head of the waiting list, in one step.
-- Cancelling again changes nothing and returns the first answer.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  uuid            of the event, or empty for whatever event has this number; always
--                          empty if a booking is given
-- ARGV[4]  booking         short id, or empty for the user's oldest confirmed booking, or the
--                          oldest waiting one if none is confirmed
-- ARGV[5]  user            owner of the booking; or empty for whoever that is, if a booking is given
-- ARGV[6]  cancellation    id of this request, chosen by the caller. Without a booking id it
--                          distinguishes a retry from a request to cancel one more
-- ARGV[7]  by              name of the organizer's API key of the request, or empty
-- Returns  {word, version, booking, first promoted or empty, promoted, replayed, promotionsDue}
--                promotionsDue is 1 if promote.lua has work
--   cancelled    promoted is the number of bookings that this cancellation confirmed;
--                replayed is 1 if the booking had been cancelled before
--   no_event, no_booking: nothing changed
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt      nothing changed: what is stored of the booking, of its user or of the waiting
--                list is broken
--   busy         nothing changed: promotions are due. Call promote.lua first, so that the
--                answer can name the booking that gets the tickets

local eventKey, logKey, waitlistKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local acks, override, uuid, booking = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local user, cancellation, by = ARGV[5], '!' .. ARGV[6], ARGV[7]
local holder, byUser = '@' .. user, booking == ''

local e, found, refusal = load_event(eventKey, uuid, {holder, byUser and cancellation or booking})
if refusal then return unchanged(e, acks, {refusal, 0, '', '', 0, 0, 0}) end
local holding, record = found[1], found[2]
if byUser then
  local tickets, oldest = read_holding(holding)
  if not tickets then return {'corrupt', 0, '', '', 0, 0, 0} end
  booking = record or oldest
  record = redis.call('HGET', eventKey, booking)
end
local b = record and read_booking(record)
if record and not b then return {'corrupt', 0, '', '', 0, 0, 0} end

if b and user == '' then
  user, holder = b.user, '@' .. b.user
  holding = redis.call('HGET', eventKey, holder)
end
if not b or b.user ~= user then return unchanged(e, acks, {'no_booking', 0, '', '', 0, 0, 0}) end
if not b.hasTickets and not b.waits then
  return unchanged(e, acks, {
    'cancelled', b.cancelledVersion, booking, b.nextBooking, b.promotedCount, 1, e.promotionsDue,
  })
end
if b.hasTickets and e.promotionsDue == 1 then return {'busy', 0, '', '', 0, 0, 1} end

local isHead = b.waits and b.sequence == e.lastServed + 1
local chain = unlink_booking(e, holding, booking, b)
if not chain then return {'corrupt', 0, '', '', 0, 0, 0} end
local changes, records = {holder, chain.holding}, {}
if chain.younger then
  changes = {holder, chain.holding, '>' .. chain.older, chain.younger, chain.younger, chain.record}
  records[chain.younger] = chain.record
end
if b.hasTickets then e.confirmed = e.confirmed - b.quantity end
if b.waits then e.waiting = e.waiting - 1 end
local served = {promoted = {}, looked = 0, withdrawn = 0, more = false}
if b.hasTickets or isHead then
  served = serve_waitlist(e, waitlistKey, isHead and 1 or 0, changes, records)
  if not served then return {'corrupt', 0, '', '', 0, 0, 0} end
end
if served.more then e.promotionsDue = 1 end

log_change(e, log_entry('X', now_millis(override), booking, table.concat(served.promoted, ','), by))
b.status, b.cancelledVersion = 'cancelled', e.version
b.nextBooking, b.promotedCount = served.promoted[1] or '', #served.promoted
changes[#changes + 1] = booking
changes[#changes + 1] = write_booking(b)
if byUser then
  changes[#changes + 1] = cancellation
  changes[#changes + 1] = booking
end
commit(e, logKey, changes, true, chain.removed)
if b.waits and not isHead then
  redis.call('ZADD', withdrawnKey, b.sequence, b.sequence)
else
  trim_waitlist(e, waitlistKey, withdrawnKey, served)
end
return {'cancelled', e.version, booking, b.nextBooking, b.promotedCount, 0, e.promotionsDue}
