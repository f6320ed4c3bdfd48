-- Changes an event's settings. Tickets that become free this way are given out
-- by promote.lua, which the backlog mark asks for: whoever touches the event
-- next sees it, should the caller die in between.
--
-- KEYS[1]  event           hash
-- ARGV[1]  uuid            of the event, or empty: whatever event has this number
-- ARGV[2]  change          id of this change, chosen by the caller
-- ARGV[3]  name            empty here and below: leave as it is
-- ARGV[4]  total           tickets
-- ARGV[5]  max per user    tickets, 0 = no limit
-- ARGV[6]  waitlist limit  bookings, 0 = no limit
-- ARGV[7]  state           open, paused or closed
-- Returns  {word, version, backlog}
--   updated                the settings are as asked, by this call or an earlier one
--   no_event, event_closed, capacity_below_confirmed: nothing changed
--   unknown_format: nothing changed, a later version of the service made the event

local event = KEYS[1]
local uuid, change = ARGV[1], '!' .. ARGV[2]
local asked = {name = ARGV[3], total = ARGV[4], maxPerUser = ARGV[5], waitlistLimit = ARGV[6], state = ARGV[7]}

local e = redis.call('HMGET', event, 'uuid', 'version', 'backlog', 'confirmed', 'waiting', change,
  'name', 'total', 'maxPerUser', 'waitlistLimit', 'state', 'format')
local version, confirmed, waiting = e[2], e[4], e[5]
local backlog = e[3] and 1 or 0
local settings = {name = e[7], total = e[8], maxPerUser = e[9], waitlistLimit = e[10], state = e[11]}

if not version or (uuid ~= '' and uuid ~= e[1]) then return {'no_event', 0, 0} end
if e[12] ~= '1' then return {'unknown_format', 0, 0} end
if e[6] then return {'updated', tonumber(e[6]), backlog} end

local changes = {}
for setting, value in pairs(asked) do
  if value == '' then
    asked[setting] = settings[setting]
  elseif value ~= settings[setting] then
    changes[#changes + 1] = setting
    changes[#changes + 1] = value
  end
end
if #changes == 0 then return {'updated', tonumber(version), backlog} end
if settings.state == 'closed' and asked.state ~= 'closed' then return {'event_closed', tonumber(version), 0} end
if tonumber(asked.total) < tonumber(confirmed) then
  return {'capacity_below_confirmed', tonumber(version), 0}
end

if asked.state == 'open' and waiting ~= '0' and tonumber(asked.total) > tonumber(confirmed) then
  backlog = 1
  changes[#changes + 1] = 'backlog'
  changes[#changes + 1] = '1'
end
version = version + 1
local raised = string.format('%d', version)
redis.call('HSET', event, 'version', raised, change, raised, unpack(changes))
return {'updated', version, backlog}
