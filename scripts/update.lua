-- Changes an event's settings. Tickets that become available are given out by promote.lua,
-- which promotionsDue asks for. If the caller dies before that, the next call that touches
-- the event finds promotionsDue set. Pausing and closing an event succeed on a full Redis too.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  uuid            of the event, or empty for whatever event has this number
-- ARGV[5]  change          id of this change, chosen by the caller
-- ARGV[6]  digest          of what the change asks for, if its id is derived from an idempotency
--                          key; else empty
-- ARGV[7]  versions        the event must be at one of these, separated by commas; or empty
-- ARGV[8]  settings        JSON object: the settings to change, by the names of their fields
-- ARGV[9]  by              name of the API key of the request, or empty
-- Returns  {word, version, promotionsDue, replayed, confirmed, held, until}
--                          confirmed and held are tickets, and until is the last deadline of a hold or an
--                          offer, or 0, in milliseconds since 1970: only of capacity_below_confirmed
--   updated                the settings are as requested, by this call; or replayed is 1, and
--                          an earlier call with this id made them so, which may have changed since
--   version_mismatch       nothing changed: the event is at another version
--   mismatch               nothing changed: this id asked for something else before
--   no_event, event_closed: nothing changed
--   capacity_below_confirmed  nothing changed: more tickets are confirmed or held
--   due                    nothing changed: a hold or an offer has passed its deadline, which may
--                          change the answer. Call expire.lua first
--   corrupt                nothing changed: what is stored of the event is broken
--   unknown_format: nothing changed, a later version of the service made the event

local eventKey, logKey, waitlistKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local acks, override, grace, uuid, change = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], '!' .. ARGV[5]
local digest, versions, settings, by = ARGV[6], ARGV[7], cjson.decode(ARGV[8]), ARGV[9]

local fields, names = {change}, {}
for name in pairs(settings) do
  names[#names + 1] = name
  fields[#fields + 1] = name
end
local found = {load_event(eventKey, uuid, unpack(fields))}
local e, refusal = found[1], found[2]
if refusal then return unchanged(e, acks, {refusal, 0, 0, 0, 0, 0, 0}) end
if found[3] then
  local version, before = read_change(found[3])
  if not version then return {'corrupt', 0, 0, 0, 0, 0, 0} end
  if before ~= digest then return unchanged(e, acks, {'mismatch', 0, 0, 0, 0, 0, 0}) end
  return unchanged(e, acks, {'updated', version, e.promotionsDue, 1, 0, 0, 0})
end
if versions ~= '' and not string.find(',' .. versions .. ',', string.format(',%d,', e.version), 1, true) then
  return unchanged(e, acks, {'version_mismatch', 0, 0, 0, 0, 0, 0})
end

local changes, changed = {}, {}
for i = 1, #names do
  local name = names[i]
  local text = setting_text(settings[name])
  if text ~= (found[3 + i] or '0') then
    changes[#changes + 1] = name
    changes[#changes + 1] = text
    changed[name] = settings[name]
  end
end
if #changes == 0 then
  if digest == '' then return unchanged(e, acks, {'updated', e.version, e.promotionsDue, 0, 0, 0, 0}) end
  commit(e, logKey, {change, write_change(e.version, false, digest)}) -- a repetition must not change anything either
  return {'updated', e.version, e.promotionsDue, 0, 0, 0, 0}
end
local state = settings.state or e.state
if e.state == 'closed' and state ~= 'closed' then return unchanged(e, acks, {'event_closed', 0, 0, 0, 0, 0, 0}) end
e.state, e.total = state, settings.total or e.total
local now = now_millis(override)
if e.total < e.confirmed + e.held then
  if not grace and expiry_due(e, now) then return unchanged(e, acks, {'due', 0, 0, 0, 0, 0, 0}) end
  local last = redis.call('ZRANGE', deadlinesKey, '-2', '-2', 'WITHSCORES') -- the very last is at infinity
  return unchanged(e, acks, {'capacity_below_confirmed', 0, 0, 0, e.confirmed, e.held, whole_number(last[2]) or 0})
end

if e.state == 'open' and e.waiting > 0 and available_tickets(e) > 0 then
  if redis.call('LLEN', waitlistKey) ~= waitlist_length(e) then return {'corrupt', 0, 0, 0, 0, 0, 0} end
  e.promotionsDue = 1
end
log_change(e, log_entry('U', now, cjson.encode({by = by, settings = changed})))
changes[#changes + 1] = change
changes[#changes + 1] = write_change(e.version, true, digest)
commit(e, logKey, changes, changed.state and state ~= 'open')
return {'updated', e.version, e.promotionsDue, 0, 0, 0, 0}
