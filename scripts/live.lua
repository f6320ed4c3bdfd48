-- Reads a user's live bookings of an event, oldest first: by the user's chain, see holdings.lua, so
-- that it takes no longer in a big event.
--
-- KEYS[1]  event           hash
-- KEYS[2]  withdrawn       sorted set
-- ARGV[1]  uuid            of the event, or empty for whatever event has this number
-- ARGV[2]  user
-- ARGV[3]  from            short id of the booking to start at, or empty for the oldest
-- ARGV[4]  limit           most bookings to return
-- Returns  {word, uuid, promotionsDue, deadline, next, rows}
--   found      promotionsDue is 1 if promote.lua has work; deadline is the event's earliest, or 0, in
--              milliseconds since 1970. rows is a flat list: short id, record, position (place in the
--              waiting list, 0 if not waiting), short id ... next is the booking to go on from, or empty
--   bad_cursor: the booking to start at is not one of the user's live ones any more
--   no_event
--   unknown_format: a later version of the service made the event
--   corrupt    the event, the user's entry or one of the records is broken

local eventKey, withdrawnKey = KEYS[1], KEYS[2]
local uuid, user, from, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local e, refusal, holding = load_event(eventKey, uuid, '@' .. user)
if refusal then return {refusal, '', 0, 0, '', {}} end
local tickets, oldest = read_holding(holding)
if not tickets then return {'corrupt', '', 0, 0, '', {}} end

local rows, id = {}, from == '' and oldest or from
for _ = 1, limit do
  if id == '' then break end
  local stored = redis.call('HMGET', eventKey, id, '>' .. id)
  local b = stored[1] and read_booking(stored[1])
  local live = b and b.user == user and (b.hasTickets or b.waits)
  if not live then return {id == from and 'bad_cursor' or 'corrupt', '', 0, 0, '', {}} end
  local n = #rows
  rows[n + 1], rows[n + 2], rows[n + 3] = id, stored[1], waiting_position(e, withdrawnKey, b)
  id = stored[2] or ''
end
return {'found', e.uuid, e.promotionsDue, e.deadline, id, rows}
