-- Creates an event with all its keys. Each key gets an entry that is never removed: while a
-- slot moves, a cluster refuses a script if a key that it declares is missing.
--
-- KEYS[1]  event           hash, see docs/data.md for its fields
-- KEYS[2]  log             list: what each version changed, see log.lua
-- KEYS[3]  waitlist        list, starts with an entry that counts as served; see waitlist.lua
-- KEYS[4]  withdrawn       sorted set: sequence numbers of bookings cancelled before their turn
-- KEYS[5]  deadlines       sorted set: holds and offers by their deadlines
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  uuid            of the event
-- ARGV[4]  settings        JSON object: the settings by the names of their fields. A repeated
--                          creation must have the same text
-- ARGV[5]  by              name of the API key of the request, or empty
-- Returns  {word, version, created at}
--   created    the event is new
--   replayed   the same creation ran before; this is its answer
--   mismatch   nothing changed: the same creation ran before with other settings
--   unknown_format  nothing changed: an event of a later version of the service has this number
--   corrupt    nothing changed: the same creation ran before, and what is stored of its event
--              is broken
--   occupied   nothing changed: another event has this number, or something else has one of its
--              keys, as the counter of numbers lags behind

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks, override, uuid, settings, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local e, refusal, request, createdAt, id = load_event(eventKey, '', 'request', 'createdAt', 'uuid')
if refusal == 'unknown_format' then return {'unknown_format', 0, 0} end
if refusal == 'corrupt' and id == uuid then return {'corrupt', 0, 0} end
if refusal == 'corrupt' or refusal and redis.call('EXISTS', unpack(KEYS)) > 0 then
  return unchanged(e, acks, {'occupied', 0, 0})
end
if not refusal then
  if e.uuid ~= uuid then return unchanged(e, acks, {'occupied', 0, 0}) end
  if request ~= settings then return unchanged(e, acks, {'mismatch', 0, 0}) end
  return unchanged(e, acks, {'replayed', 1, whole_number(createdAt) or 0})
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
redis.call('ZADD', deadlinesKey, '+inf', '-')
return {'created', e.version, now}
