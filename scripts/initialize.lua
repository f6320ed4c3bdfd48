-- Creates an event with all its keys. Each key gets an entry that stays: a
-- cluster refuses a script while a slot moves if a declared key is missing.
--
-- KEYS[1]  event           hash, see docs/states.md for its fields
-- KEYS[2]  waitlist        list, starts with one who is served; see waitlist.lua
-- KEYS[3]  withdrawn       sorted set: sequence numbers of bookings cancelled before their turn
-- ARGV[1]  uuid            of the event
-- ARGV[2]  name
-- ARGV[3]  total           tickets
-- ARGV[4]  max per user    tickets, 0 = no limit
-- ARGV[5]  waitlist limit  bookings, 0 = no limit
-- ARGV[6]  now             milliseconds since 1970
-- ARGV[7]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, created at}
--   created    the event is new
--   replayed   the same creation ran before; the answer is the first one
--   mismatch   the same creation ran before with another name, total or limit
--   unknown_format  a later version of the service ran the same creation
--   occupied   another event has this number: the counter of numbers lags behind

local eventKey, waitlistKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3]
local uuid, name, total = ARGV[1], ARGV[2], ARGV[3]
local maxPerUser, waitlistLimit, now, acks = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local request = total .. '|' .. maxPerUser .. '|' .. waitlistLimit .. '|' .. name
local found = redis.call('HMGET', eventKey, 'settings', 'request', 'createdAt')
if found[1] then
  local _, _, _, _, there = string.match(found[1], SETTINGS)
  if not there then return {'unknown_format', 0, 0} end
  if there ~= uuid then return unchanged(eventKey, acks, {'occupied', 0, 0}) end
  if found[2] ~= request then return unchanged(eventKey, acks, {'mismatch', 0, 0}) end
  return unchanged(eventKey, acks, {'replayed', 1, tonumber(found[3])})
end

redis.call('HSET', eventKey, 'name', name, 'createdAt', now, 'request', request,
  'settings', write_settings('open', total, maxPerUser, waitlistLimit, uuid),
  'counters', write_counters('1', '0', '0', '0', '0', '0', ''))
redis.call('RPUSH', waitlistKey, '-')
redis.call('ZADD', withdrawnKey, '0', '-')
return {'created', 1, tonumber(now)}
