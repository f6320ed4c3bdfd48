-- Promotes from the head of the waiting list while tickets are free, a bounded
-- number at a time. Running it again does no harm: it goes by what it finds.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- KEYS[3]  left            sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, promoted, backlog}
--              backlog is 1 if there is more to do: call again
--   promoted   that many bookings were confirmed
--   idle       nobody could be promoted
--   no_event
--   unknown_format: nothing changed, a later version of the service made the event

local event, waitlist, left = KEYS[1], KEYS[2], KEYS[3]
local acks = ARGV[1]

local e = redis.call('HMGET', event, 'settings', 'counters')
local version, confirmed, waiting, joined, taken, backlog, latest = string.match(e[2] or '', COUNTERS)
local state, total = string.match(e[1] or '', SETTINGS)
if not e[1] then return {'no_event', 0, 0, 0} end
if not state then return {'unknown_format', 0, 0, 0} end

local line = {
  open = state == 'open', free = total - confirmed,
  waiting = tonumber(waiting), joined = tonumber(joined), taken = tonumber(taken), passed = 0,
}
local word, raised = 'idle', string.format('%d', version + 1)
local changes = {}
serve_line(event, waitlist, line, raised, changes)
local left_over = line.backlog and '1' or '0'

if line.promoted > 0 then
  word, version, confirmed = 'promoted', raised, string.format('%d', total - line.free)
end
local answer = {word, tonumber(version), line.promoted, tonumber(left_over)}
if line.looked == 0 and left_over == backlog then return unchanged(event, acks, answer) end
write_event(event, waitlist, 'counters',
  write_counters(version, confirmed, string.format('%d', line.waiting), joined, string.format('%d', line.taken),
    left_over, latest), unpack(changes))
trim_line(waitlist, left, line)
return answer
