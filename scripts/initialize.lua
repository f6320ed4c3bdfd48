-- Creates an event with all its keys. Each key gets an entry that stays: a
-- cluster refuses a script while a slot moves if a declared key is missing.
--
-- KEYS[1]  event           hash, see docs/data.md for its fields
-- KEYS[2]  log             list: what each version changed, see log.lua
-- KEYS[3]  waitlist        list, starts with one who is served; see waitlist.lua
-- KEYS[4]  withdrawn       sorted set: sequence numbers of bookings cancelled before their turn
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  uuid            of the event
-- ARGV[4]  settings        JSON object: the settings, by the names of their fields. A
--                          repetition of the creation has the same text
-- ARGV[5]  by              name of the API key that asks, or empty
-- Returns  {word, version, created at}
--   created    the event is new
--   replayed   the same creation ran before; the answer is the first one
--   mismatch   the same creation ran before with other settings
--   unknown_format  a later version of the service ran the same creation
--   occupied   another event has this number: the counter of numbers lags behind

local eventKey, logKey, waitlistKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local acks, override, uuid, settings, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local e, found, refusal = load_event(eventKey, '', {'request', 'createdAt'})
if refusal == 'unknown_format' then return {'unknown_format', 0, 0} end
if not refusal then
  if e.uuid ~= uuid then return unchanged(e, acks, {'occupied', 0, 0}) end
  if found[1] ~= settings then return unchanged(e, acks, {'mismatch', 0, 0}) end
  return unchanged(e, acks, {'replayed', 1, tonumber(found[2])})
end

local now = now_millis(override)
local changes = {'uuid', uuid, 'createdAt', string.format('%d', now), 'request', settings}
for name, value in pairs(cjson.decode(settings)) do
  changes[#changes + 1] = name
  changes[#changes + 1] = setting_text(value)
end
e = new_event(eventKey)
log_change(e, log_entry('E', now, by))
commit(e, logKey, changes)
redis.call('RPUSH', waitlistKey, '-')
redis.call('ZADD', withdrawnKey, '0', '-')
return {'created', e.version, now}
