-- Reads, from the log, whom a change of settings promoted: a raise of the total or a reopened event is
-- followed by steps of promote.lua, whoever makes them, until the settings are changed again or
-- something else promotes, which waits for these to be done.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- ARGV[1]  after           version of the change, or of the last entry of the log that was looked at
-- ARGV[2]  limit           most bookings to return
-- Returns  {word, next, rows}
--   found      rows is a flat list, in order: version of the promotion, short id, record, version ...
--              next is the version to go on after, or 0 if there is nothing left
--   no_event
--   unknown_format: a later version of the service made the event
--   corrupt    the event is broken, or the log lacks an entry

local eventKey, logKey = KEYS[1], KEYS[2]
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])

local e, refusal = load_event(eventKey, '')
if refusal then return {refusal, 0, {}} end
local last = math.min(e.version, after + READ_LIMIT)
local entries = redis.call('LRANGE', logKey, string.format('%d', after), string.format('%d', last - 1))
if #entries ~= math.max(0, last - after) then return {'corrupt', 0, {}} end
local ids, versions, next = {}, {}, last < e.version and last or 0
for i = 1, #entries do
  local kind, promoted = promotions_of_entry(entries[i])
  if kind == 'U' or kind ~= 'P' and #promoted > 0 then
    next = 0
    break
  end
  for j = 1, math.min(#promoted, limit - #ids) do
    ids[#ids + 1], versions[#versions + 1] = promoted[j], after + i
  end
end
if #ids >= limit then next = 0 end

local rows = {}
local records = #ids > 0 and redis.call('HMGET', eventKey, unpack(ids)) or {}
for i = 1, #ids do
  local n = #rows
  rows[n + 1], rows[n + 2], rows[n + 3] = versions[i], ids[i], records[i] or ''
end
return {'found', next, rows}
