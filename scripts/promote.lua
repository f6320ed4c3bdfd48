-- Promotes from the head of the waiting list while tickets are free, a bounded
-- number at a time. Running it again does no harm: it goes by what it finds.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- KEYS[3]  left            sorted set
-- Returns  {word, version, promoted, backlog}
--   promoted   that many bookings were confirmed
--   idle       nobody could be promoted
--   no_event
--   backlog is 1 if there is more to do: call again

local event, waitlist, left = KEYS[1], KEYS[2], KEYS[3]

local e = redis.call('HMGET', event, 'state', 'total', 'confirmed', 'waiting', 'joined', 'taken',
  'version', 'backlog')
if not e[7] then return {'no_event', 0, 0, 0} end

local total, version = tonumber(e[2]), tonumber(e[7])
local line = {
  open = e[1] == 'open', free = total - e[3],
  waiting = tonumber(e[4]), joined = tonumber(e[5]), taken = tonumber(e[6]), passed = 0,
}
local raised = string.format('%d', version + 1)
local changes = {}
serve_line(event, waitlist, line, raised, changes)

trim_line(waitlist, left, line)
if e[8] and not line.backlog then redis.call('HDEL', event, 'backlog') end
if line.promoted == 0 then
  if line.looked > 0 then redis.call('HSET', event, 'taken', string.format('%d', line.taken)) end
  return {'idle', version, 0, line.backlog and 1 or 0}
end
redis.call('HSET', event, 'confirmed', string.format('%d', total - line.free),
  'waiting', string.format('%d', line.waiting), 'taken', string.format('%d', line.taken),
  'version', raised, unpack(changes))
return {'promoted', version + 1, line.promoted, line.backlog and 1 or 0}
