-- Promotes bookings from the head of the waiting list while tickets are available, a bounded
-- number in each call. It can be called at any time: what it does depends only on the event.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- KEYS[5]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- Returns  {word, version, promoted, promotionsDue}
--              promotionsDue is 1 if there is more to do: call again
--   promoted   bookings were confirmed, or offered tickets, as many as promoted says
--   idle       no booking could be promoted
--   no_event
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt    nothing changed: the event is broken, or a booking of the waiting list has no record

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local acks, override = ARGV[1], ARGV[2]

local e, refusal = load_event(eventKey, '')
if refusal then return unchanged(e, acks, {refusal, 0, 0, 0}) end

local now, edits = now_millis(override), {}
local served = serve_waitlist(e, waitlistKey, now, 0, edits)
if not served then return {'corrupt', 0, 0, 0} end
local wasDue = e.promotionsDue
e.promotionsDue = served.more and 1 or 0
if served.looked == 0 and e.promotionsDue == wasDue then
  return unchanged(e, acks, {'idle', e.version, 0, e.promotionsDue})
end
local word = 'idle'
if #served.promoted > 0 then
  word = 'promoted'
  log_change(e, log_entry('P', now, table.concat(served.promoted, ',')))
end
commit_edits(e, logKey, edits)
trim_waitlist(e, waitlistKey, withdrawnKey, deadlinesKey, served)
return {word, e.version, #served.promoted, e.promotionsDue}
