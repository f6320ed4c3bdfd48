-- Books tickets of an event: confirmed if they are free and nobody waits, else
-- last in the waiting list. The same booking id books once.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- ARGV[1]  uuid            of the event, or empty: whatever event has this number
-- ARGV[2]  booking         id, chosen by the caller
-- ARGV[3]  user
-- ARGV[4]  quantity        tickets, all or nothing
-- ARGV[5]  now             milliseconds since 1970
-- Returns  {word, version, position, replayed, backlog}
--   confirmed, waiting     position is 0 or the place in line at the time of booking;
--                          replayed is 1 if this id was booked before, and then the
--                          rest is the first answer; backlog is 1 if promote.lua has work
--   no_event, event_closed, event_paused, over_capacity, user_limit,
--   waiting_list_full      nothing changed
--   unknown_format         nothing changed: a later version of the service made the event
--   mismatch               this id was booked before with another quantity or user

local event, waitlist = KEYS[1], KEYS[2]
local uuid, booking, user, quantity, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local holder = '@' .. user

local e = redis.call('HMGET', event, 'uuid', 'state', 'total', 'confirmed', 'waiting',
  'maxPerUser', 'version', 'latest', booking, holder, 'format')
local state, waiting, maxPerUser, version, latest = e[2], e[5], e[6], e[7], e[8]
local earlier, holding = e[9], e[10]
local total, confirmed, wanted = tonumber(e[3]), tonumber(e[4]), tonumber(quantity)

if not version or (uuid ~= '' and uuid ~= e[1]) then return {'no_event', 0, 0, 0, 0} end
if e[11] ~= '1' then return {'unknown_format', 0, 0, 0, 0} end
if earlier then
  local booked, first, position, owner =
    string.match(earlier, '^%u|%d*|%d*|[^|]*|(%d+)|%d+|(%d+)|[^|]*|[^|]*|%d*|(%d*)|(.*)$')
  if booked ~= quantity or owner ~= user then return {'mismatch', 0, 0, 0, 0} end
  return {position == '' and 'confirmed' or 'waiting', tonumber(first), tonumber(position) or 0, 1, 0}
end
if state ~= 'open' then return {'event_' .. state, tonumber(version), 0, 0, 0} end
if wanted > total then return {'over_capacity', tonumber(version), 0, 0, 0} end

local held, oldest, newest = 0, booking, ''
if holding then held, oldest, newest = read_holding(holding) end
if maxPerUser ~= '0' and held + wanted > tonumber(maxPerUser) then
  return {'user_limit', tonumber(version), 0, 0, 0}
end

version = version + 1
local raised = string.format('%d', version)
local word, position, backlog = 'confirmed', 0, 0
local counter, count, record
if waiting == '0' and confirmed + wanted <= total then
  counter, count = 'confirmed', string.format('%d', confirmed + wanted)
  record = 'C||||' .. quantity .. '|' .. now .. '|' .. raised .. '|' .. latest
    .. '|' .. newest .. '|||' .. user
else
  local line = redis.call('HMGET', event, 'joined', 'waitlistLimit', 'backlog')
  position = waiting + 1
  if line[2] ~= '0' and position > tonumber(line[2]) then
    return {'waiting_list_full', version - 1, 0, 0, 0}
  end
  word, backlog = 'waiting', line[3] and 1 or 0
  counter, count = 'waiting', string.format('%d', position)
  local joined = string.format('%d', line[1] + 1)
  record = 'W||||' .. quantity .. '|' .. now .. '|' .. raised .. '|' .. latest
    .. '|' .. newest .. '|' .. joined .. '|' .. count .. '|' .. user
  redis.call('RPUSH', waitlist, booking)
  redis.call('HSET', event, 'joined', joined)
end

if holding then
  redis.call('HSET', event, counter, count, 'version', raised, 'latest', booking, booking, record,
    holder, write_holding(held + wanted, oldest, booking), '>' .. newest, booking)
else
  redis.call('HSET', event, counter, count, 'version', raised, 'latest', booking, booking, record,
    holder, quantity .. ':' .. booking)
end
return {word, version, position, 0, backlog}
