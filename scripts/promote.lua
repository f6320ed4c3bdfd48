-- Promotes from the head of the waiting list while tickets are available, a bounded
-- number at a time. Running it again does no harm: it goes by what it finds.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- KEYS[3]  withdrawn       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, promoted, promotionsDue}
--              promotionsDue is 1 if there is more to do: call again
--   promoted   that many bookings were confirmed
--   idle       nobody could be promoted
--   no_event
--   unknown_format: nothing changed, a later version of the service made the event

local eventKey, waitlistKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3]
local acks = ARGV[1]

local e = redis.call('HMGET', eventKey, 'settings', 'counters')
local version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest = string.match(e[2] or '', COUNTERS)
local state, total = string.match(e[1] or '', SETTINGS)
if not e[1] then return {'no_event', 0, 0, 0} end
if not state then return {'unknown_format', 0, 0, 0} end

local waitlist = {
  open = state == 'open', available = total - confirmed,
  waiting = tonumber(waiting), lastJoined = tonumber(lastJoined), lastServed = tonumber(lastServed), passed = 0,
}
local word, raised = 'idle', string.format('%d', version + 1)
local changes = {}
serve_waitlist(eventKey, waitlistKey, waitlist, raised, changes)
local stillDue = waitlist.promotionsDue and '1' or '0'

if waitlist.promoted > 0 then
  word, version, confirmed = 'promoted', raised, string.format('%d', total - waitlist.available)
end
local answer = {word, tonumber(version), waitlist.promoted, tonumber(stillDue)}
if waitlist.looked == 0 and stillDue == promotionsDue then return unchanged(eventKey, acks, answer) end
write_event(eventKey, waitlistKey, 'counters',
  write_counters(version, confirmed, string.format('%d', waitlist.waiting), lastJoined,
    string.format('%d', waitlist.lastServed), stillDue, latest), unpack(changes))
trim_waitlist(waitlistKey, withdrawnKey, waitlist)
return answer
