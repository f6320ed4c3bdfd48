-- Holds tickets of an event for a time, if they are available and nobody waits. It never joins the
-- waiting list. The same booking id holds once.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  uuid            of the event, or empty for whatever event has this number
-- ARGV[5]  booking         short id, chosen by the caller
-- ARGV[6]  user
-- ARGV[7]  quantity        tickets, all or nothing
-- ARGV[8]  seconds         how long, at most the event's holdSeconds; 0 for as long as these
-- ARGV[9]  reference       the shop's own text, without |; or empty
-- Returns  {word, version, expires at, now, replayed, current, held, next deadline}
--   held         expires at and now are milliseconds since 1970; replayed is 1 if this id was used
--                for this before, and then version and expires at are those of the first answer,
--                and current is the status now
--   sold_out     nothing changed; held is the number of tickets that are held, and next deadline the
--                earliest at which some of them may become available, or 0
--   no_event, event_closed, event_paused, sale_not_started, sale_ended, holds_off, hold_limit,
--   over_capacity, quantity_limit, user_limit      nothing changed
--   due          nothing changed: a hold or an offer has passed its deadline, which may change the
--                answer. Call expire.lua first
--   unknown_format: nothing changed, a later version of the service made the event
--   mismatch     nothing changed: this id was used before for something else
--   corrupt      nothing changed: the event, the record of the booking, or its user's entry is broken

local eventKey, logKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3]
local acks, override, grace, uuid, booking = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5]
local user, quantity, asked, reference = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]

local holder = '@' .. user
local e, refusal, before, entry = load_event(eventKey, uuid, booking, holder)
local now = refusal and 0 or now_millis(override)
local function refuse(word) return unchanged(e, acks, {word, 0, 0, now, 0, '', e.held or 0, e.deadline or 0}) end
if refusal then return refuse(refusal) end
if before then
  local b = read_booking(before)
  if not b then return refuse('corrupt') end
  if not b.given or b.booked ~= quantity or b.user ~= user or b.reference ~= reference or b.asked ~= asked then
    return refuse('mismatch')
  end
  return unchanged(e, acks, {'held', b.version, b.createdAt + b.given * 1000, now, 1, b.status, 0, 0})
end
local closed = not_selling(e, now)
if closed then return refuse(closed) end
if e.holdSeconds == 0 then return refuse('holds_off') end
if asked > e.holdSeconds then return refuse('hold_limit') end
if quantity > e.total then return refuse('over_capacity') end
if e.maxQuantity > 0 and quantity > e.maxQuantity then return refuse('quantity_limit') end
local due = not grace and expiry_due(e, now)
local tickets, oldest, newest = read_holding(entry)
if not tickets then return refuse('corrupt') end
if e.maxPerUser > 0 and tickets + quantity > e.maxPerUser then return refuse(due and 'due' or 'user_limit') end
if e.waiting > 0 or quantity > available_tickets(e) then return refuse(due and 'due' or 'sold_out') end

local seconds = asked > 0 and asked or e.holdSeconds
local expiresAt = now + seconds * 1000
e.held = e.held + quantity
note_deadline(e, expiresAt)
log_change(e, log_entry('H', now, booking))
local record = new_record('held', string.format('%d', expiresAt), quantity, string.format('%d', now), e.version, newest,
  nil, nil, string.format('%d:%d', asked, seconds), reference, user)
local holding = write_holding(tickets + quantity, oldest == '' and booking or oldest, booking)
local changes = {booking, record, holder, holding}
if newest ~= '' then changes[5], changes[6] = '>' .. newest, booking end
commit(e, logKey, changes)
redis.call('ZADD', deadlinesKey, string.format('%d', expiresAt), booking)
return {'held', e.version, expiresAt, now, 0, '', 0, 0}
