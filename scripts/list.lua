-- Reads bookings of an event, newest first, in the order of its log.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  withdrawn       sorted set
-- ARGV[1]  uuid            of the event, or empty for whatever event has this number
-- ARGV[2]  from            version to start at, going back; 0 for the newest
-- ARGV[3]  limit           most bookings to return
-- Returns  {word, uuid, promotionsDue, deadline, next, rows}
--   found      promotionsDue is 1 if promote.lua has work; deadline is the event's earliest, or 0, in
--              milliseconds since 1970. rows is a flat list: version,
--              short id, record, position (place in the waiting list, 0 if not waiting), version
--              ... A booking without a valid record has an empty one. next is the version to go on
--              from, or 0 if there is nothing left. There may be more even if rows has fewer
--              than limit bookings: a call looks at no more than READ_LIMIT log entries
--   bad_cursor: the event has not reached the version to start at
--   no_event
--   unknown_format: a later version of the service made the event
--   corrupt    the event is broken, or its log has too few entries

local eventKey, logKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3]
local uuid, from, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local e, refusal = load_event(eventKey, uuid)
if refusal then return {refusal, '', 0, 0, 0, {}} end
if from == 0 then from = e.version end
if from > e.version then return {'bad_cursor', '', 0, 0, 0, {}} end

-- The log entries of versions first to from, and the newest bookings among them.
local first = math.max(1, from - READ_LIMIT + 1)
local entries = redis.call('LRANGE', logKey, string.format('%d', first - 1), string.format('%d', from - 1))
if #entries ~= from - first + 1 then return {'corrupt', '', 0, 0, 0, {}} end
local ids, versions, next = {}, {}, first - 1
for i = #entries, 1, -1 do
  local id = booking_of_entry(entries[i])
  if id and #ids == limit then
    next = first + i - 1
    break
  end
  if id then
    ids[#ids + 1] = id
    versions[#versions + 1] = first + i - 1
  end
end
if #ids == 0 then return {'found', e.uuid, e.promotionsDue, e.deadline, next, {}} end

local records = redis.call('HMGET', eventKey, unpack(ids))
local rows = {}
for i = 1, #ids do
  local b = records[i] and read_booking(records[i])
  rows[#rows + 1] = versions[i]
  rows[#rows + 1] = ids[i]
  rows[#rows + 1] = b and records[i] or ''
  rows[#rows + 1] = b and waiting_position(e, withdrawnKey, b) or 0
end
return {'found', e.uuid, e.promotionsDue, e.deadline, next, rows}
