-- Changes an event's settings. Tickets that become available this way are given out by
-- promote.lua, which promotionsDue asks for: whoever touches the event next sees it,
-- should the caller die in between.
--
-- KEYS[1]  event           hash
-- ARGV[1]  uuid            of the event, or empty: whatever event has this number
-- ARGV[2]  change          id of this change, chosen by the caller
-- ARGV[3]  name            empty here and below: leave as it is
-- ARGV[4]  total           tickets
-- ARGV[5]  max per user    tickets, 0 = no limit
-- ARGV[6]  waitlist limit  bookings, 0 = no limit
-- ARGV[7]  state           open, paused or closed
-- ARGV[8]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, promotionsDue}
--   updated                the settings are as asked, by this call or an earlier one
--   no_event, event_closed, capacity_below_confirmed: nothing changed
--   unknown_format: nothing changed, a later version of the service made the event

local eventKey = KEYS[1]
local uuid, change, acks = ARGV[1], '!' .. ARGV[2], ARGV[8]
local name, asked_total, asked_per_user, asked_limit, asked_state = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local e = redis.call('HMGET', eventKey, 'settings', 'counters', 'name', change)
local state, total, per_user, limit, this = string.match(e[1] or '', SETTINGS)
local version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest = string.match(e[2] or '', COUNTERS)

if not e[1] then return {'no_event', 0, 0} end
if not state then return {'unknown_format', 0, 0} end
if uuid ~= '' and uuid ~= this then return unchanged(eventKey, acks, {'no_event', 0, 0}) end
if e[4] then return unchanged(eventKey, acks, {'updated', tonumber(e[4]), tonumber(promotionsDue)}) end

-- What is asked for, where anything is, else what is there.
local function either(asked, there) return asked ~= '' and asked or there end
local was = write_settings(state, total, per_user, limit, this)
local closed = state == 'closed'
name, state = either(name, e[3]), either(asked_state, state)
total, per_user, limit = either(asked_total, total), either(asked_per_user, per_user), either(asked_limit, limit)
local settings = write_settings(state, total, per_user, limit, this)

if settings == was and name == e[3] then
  return unchanged(eventKey, acks, {'updated', tonumber(version), tonumber(promotionsDue)})
end
if closed and state ~= 'closed' then return unchanged(eventKey, acks, {'event_closed', tonumber(version), 0}) end
if tonumber(total) < tonumber(confirmed) then
  return unchanged(eventKey, acks, {'capacity_below_confirmed', tonumber(version), 0})
end

if state == 'open' and waiting ~= '0' and tonumber(total) > tonumber(confirmed) then promotionsDue = '1' end
version = string.format('%d', version + 1)
redis.call('HSET', eventKey, 'settings', settings, 'name', name, change, version,
  'counters', write_counters(version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest))
return {'updated', tonumber(version), tonumber(promotionsDue)}
