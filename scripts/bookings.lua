-- Reads bookings of an event, newest first: each record names the booking made
-- before it. With a limit of 1 it reads a single booking.
--
-- KEYS[1]  event           hash
-- KEYS[2]  withdrawn       sorted set
-- ARGV[1]  uuid            of the event, or empty: whatever event has this number
-- ARGV[2]  start           short id of the first booking to read, or empty: the newest
-- ARGV[3]  limit           bookings
-- Returns  {word, uuid, next, rows}
--   found      rows is a flat list: short id, record, position, short id, record ...
--              (position in line, 0 if not waiting); next is the id that the next
--              page starts with, or empty
--   no_event, no_booking
--   unknown_format: a later version of the service made the event

local eventKey, withdrawnKey = KEYS[1], KEYS[2]
local uuid, id, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])

local e = redis.call('HMGET', eventKey, 'settings', 'counters')
local _, _, _, _, this = string.match(e[1] or '', SETTINGS)
local _, _, _, _, lastServed, _, latest = string.match(e[2] or '', COUNTERS)
if not e[1] then return {'no_event', '', '', {}} end
if not this then return {'unknown_format', '', '', {}} end
if uuid ~= '' and uuid ~= this then return {'no_event', '', '', {}} end
local given = id ~= ''
if not given then id = latest end

local rows = {}
while id ~= '' and #rows < limit * 3 do
  local record = redis.call('HGET', eventKey, id)
  local earlier, sequence = string.match(record or '', '^%u|%d*|%d*|[^|]*|%d+|%d+|%d+|([^|]*)|[^|]*|(%d*)|')
  if not earlier then
    if given and #rows == 0 then return {'no_booking', '', '', {}} end
    return redis.error_reply('CORRUPT the booking ' .. id .. ' of ' .. eventKey .. ' has no record')
  end
  local position = 0
  if string.sub(record, 1, 1) == 'W' then
    position = sequence - lastServed - redis.call('ZCOUNT', withdrawnKey, 1, sequence - 1)
  end
  rows[#rows + 1] = id
  rows[#rows + 1] = record
  rows[#rows + 1] = position
  id = earlier
end
return {'found', this, id, rows}
