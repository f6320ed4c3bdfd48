-- Ends holds and offers whose deadline has passed, at most 64, and gives their tickets to the head of
-- the waiting list, in one step. Nothing else ends one at its deadline.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- KEYS[5]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  asked           the time of an earlier answer, or 0 to be told it. It acts only within two
--                          seconds of that: a call that an outage held back must not be the
--                          first to run, before those who paid meanwhile
-- Returns  {word, version, expired, promoted, promotionsDue, next, now}
--              promotionsDue is 1 if promote.lua has work; next is the earliest deadline that is
--              left, or 0, and now the time, in milliseconds since 1970: if next has passed, call again
--   expired    bookings have ended, as many as expired says, and promoted others were promoted
--   idle       there was nothing to do
--   ask        there is something to do: call again, with the time
--   no_event
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt    nothing changed: what is stored of a booking, of its user or of the waiting list is broken

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks, override, asked = ARGV[1], ARGV[2], tonumber(ARGV[3])

local e, refusal = load_event(eventKey, '')
if refusal then return unchanged(e, acks, {refusal, 0, 0, 0, 0, 0, 0}) end
local now = now_millis(override)
local due = redis.call('ZRANGEBYSCORE', deadlinesKey, '-inf', string.format('%d', now), 'LIMIT', 0, EXPIRE_LIMIT)
local first = redis.call('ZRANGE', deadlinesKey, #due, #due, 'WITHSCORES')
local next = whole_number(first[2]) or 0
if #due == 0 then
  local was = e.deadline
  e.deadline = next
  if was ~= next then commit(e, logKey, {}, true) end
  return unchanged(e, acks, {'idle', e.version, 0, 0, e.promotionsDue, next, now})
end

if now - asked > EXPIRE_WITHIN then return unchanged(e, acks, {'ask', e.version, 0, 0, 0, next, now}) end

local edits, records, when = {}, redis.call('HMGET', eventKey, unpack(due)), write_moment(e.version + 1, now)
for i = 1, #due do
  local record = edits[due[i]] or records[i] -- another one of its user's may have changed it
  local expired, b = nil, nil
  if record then expired, b = expired_record(record, when) end
  if not expired or not b.quantity or not unlink_booking(e, edits, due[i], b) then
    return {'corrupt', 0, 0, 0, 0, 0, 0}
  end
  e.held = e.held - b.quantity
  edits[due[i]] = expired
end
e.deadline = next
local served = {promoted = {}, looked = 0, withdrawn = 0, more = false, expiresAt = ''}
if e.promotionsDue == 0 then
  served = serve_waitlist(e, waitlistKey, now, 0, edits)
  if not served then return {'corrupt', 0, 0, 0, 0, 0, 0} end
  if served.more then e.promotionsDue = 1 end
end
log_change(e, log_entry('T', now, table.concat(due, ','), table.concat(served.promoted, ',')))
redis.call('ZREM', deadlinesKey, unpack(due)) -- a full Redis accepts this, and then the rest
commit_edits(e, logKey, edits)
trim_waitlist(e, waitlistKey, withdrawnKey, deadlinesKey, served)
return {'expired', e.version, #due, #served.promoted, e.promotionsDue, e.deadline, now}
