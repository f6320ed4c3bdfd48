-- Changes an event's settings. Tickets that become available are given out by promote.lua,
-- which promotionsDue asks for. If the caller dies before that, the next call that touches
-- the event finds promotionsDue set. Pausing and closing an event succeed on a full Redis too.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  uuid            of the event, or empty for whatever event has this number
-- ARGV[4]  change          id of this change, chosen by the caller
-- ARGV[5]  settings        JSON object: the settings to change, by the names of their fields
-- ARGV[6]  by              name of the API key of the request, or empty
-- Returns  {word, version, promotionsDue}
--   updated                the settings are as requested, by this call or an earlier one
--   no_event, event_closed, capacity_below_confirmed: nothing changed
--   corrupt                nothing changed: what is stored of the event is broken
--   unknown_format: nothing changed, a later version of the service made the event

local eventKey, logKey = KEYS[1], KEYS[2]
local acks, override, uuid, change = ARGV[1], ARGV[2], ARGV[3], '!' .. ARGV[4]
local settings, by = cjson.decode(ARGV[5]), ARGV[6]

local fields, names = {change}, {}
for name in pairs(settings) do
  names[#names + 1] = name
  fields[#fields + 1] = name
end
local e, found, refusal = load_event(eventKey, uuid, fields)
if refusal then return unchanged(e, acks, {refusal, 0, 0}) end
if found[1] then return unchanged(e, acks, {'updated', tonumber(found[1]), e.promotionsDue}) end

local changes, changed = {}, {}
for i = 1, #names do
  local name = names[i]
  local text = setting_text(settings[name])
  if text ~= (found[1 + i] or '0') then
    changes[#changes + 1] = name
    changes[#changes + 1] = text
    changed[name] = settings[name]
  end
end
if #changes == 0 then return unchanged(e, acks, {'updated', e.version, e.promotionsDue}) end
local state = settings.state or e.state
if e.state == 'closed' and state ~= 'closed' then return unchanged(e, acks, {'event_closed', 0, 0}) end
e.state, e.total = state, settings.total or e.total
if e.total < e.confirmed then return unchanged(e, acks, {'capacity_below_confirmed', 0, 0}) end

if e.state == 'open' and e.waiting > 0 and available_tickets(e) > 0 then e.promotionsDue = 1 end
log_change(e, log_entry('U', now_millis(override), cjson.encode({by = by, settings = changed})))
changes[#changes + 1] = change
changes[#changes + 1] = string.format('%d', e.version)
commit(e, logKey, changes, changed.state and state ~= 'open')
return {'updated', e.version, e.promotionsDue}
