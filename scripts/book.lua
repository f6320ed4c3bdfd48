-- Books tickets of an event: confirmed if they are available and nobody waits, else
-- last in the waiting list. The same booking id books once.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- ARGV[1]  uuid            of the event, or empty: whatever event has this number
-- ARGV[2]  booking         short id, chosen by the caller
-- ARGV[3]  user
-- ARGV[4]  quantity        tickets, all or nothing
-- ARGV[5]  now             milliseconds since 1970
-- ARGV[6]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, position, replayed, promotionsDue}
--   confirmed, waiting     position is 0 or the place in line at the time of booking;
--                          replayed is 1 if this id was booked before, and then the
--                          rest is the first answer; promotionsDue is 1 if promote.lua has work
--   no_event, event_closed, event_paused, over_capacity, user_limit,
--   waiting_list_full      nothing changed
--   unknown_format         nothing changed: a later version of the service made the event
--   mismatch               this id was booked before with another quantity or user

local eventKey, waitlistKey = KEYS[1], KEYS[2]
local uuid, booking, user, quantity, now, acks = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local holder = '@' .. user

local e = redis.call('HMGET', eventKey, 'settings', 'counters', booking, holder)
local earlier, holding = e[3], e[4] ~= '' and e[4]
local state, total, maxPerUser, waitlistLimit, this = string.match(e[1] or '', SETTINGS)
local version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest = string.match(e[2] or '', COUNTERS)
local wanted = tonumber(quantity)
total, version = tonumber(total), tonumber(version)

if not e[1] then return {'no_event', 0, 0, 0, 0} end
if not state then return {'unknown_format', 0, 0, 0, 0} end
if uuid ~= '' and uuid ~= this then return unchanged(eventKey, acks, {'no_event', 0, 0, 0, 0}) end
if earlier then
  local booked, first, position, owner =
    string.match(earlier, '^%u|%d*|%d*|[^|]*|(%d+)|%d+|(%d+)|[^|]*|[^|]*|%d*|(%d*)|(.*)$')
  if booked ~= quantity or owner ~= user then return unchanged(eventKey, acks, {'mismatch', 0, 0, 0, 0}) end
  local word = position == '' and 'confirmed' or 'waiting'
  return unchanged(eventKey, acks, {word, tonumber(first), tonumber(position) or 0, 1, 0})
end
if state ~= 'open' then return unchanged(eventKey, acks, {'event_' .. state, version, 0, 0, 0}) end
if wanted > total then return unchanged(eventKey, acks, {'over_capacity', version, 0, 0, 0}) end

local userTickets, oldest, newest = 0, booking, ''
if holding then userTickets, oldest, newest = read_holding(holding) end
if maxPerUser ~= '0' and userTickets + wanted > tonumber(maxPerUser) then
  return unchanged(eventKey, acks, {'user_limit', version, 0, 0, 0})
end

local word, position = 'confirmed', 0
local with, place = confirmed + wanted, '||'
if waiting == '0' and with <= total then
  confirmed = string.format('%d', with)
else
  word, position = 'waiting', waiting + 1
  if waitlistLimit ~= '0' and position > tonumber(waitlistLimit) then
    return unchanged(eventKey, acks, {'waiting_list_full', version, 0, 0, 0})
  end
  waiting, lastJoined = string.format('%d', position), string.format('%d', lastJoined + 1)
  place = lastJoined .. '|' .. waiting .. '|'
  redis.call('RPUSH', waitlistKey, booking)
end

version = version + 1
local raised = string.format('%d', version)
local record = (word == 'waiting' and 'W||||' or 'C||||') .. quantity .. '|' .. now .. '|' .. raised
  .. '|' .. latest .. '|' .. newest .. '|' .. place .. user
local counters = write_counters(raised, confirmed, waiting, lastJoined, lastServed, promotionsDue, booking)
if holding then
  redis.call('HSET', eventKey, 'counters', counters, booking, record,
    holder, write_holding(userTickets + wanted, oldest, booking), '>' .. newest, booking)
else
  redis.call('HSET', eventKey, 'counters', counters, booking, record, holder, quantity .. ':' .. booking)
end
return {word, version, position, 0, word == 'waiting' and tonumber(promotionsDue) or 0}
