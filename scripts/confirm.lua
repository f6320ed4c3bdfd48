-- Confirms a hold, or accepts an offer. It keeps its promise whatever happened to the event since,
-- also on a full Redis. A late confirmation succeeds if nobody is the worse for it.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  booking         short id
-- ARGV[5]  user            owner of the booking
-- Returns  {word, version, late, replayed, current}
--   confirmed    late is 1 if the deadline had passed; replayed is 1 if the booking was confirmed
--                before, and then the rest is the first answer, and current the status now
--   no_event, no_booking, hold_expired, booking_cancelled, booking_waiting      nothing changed
--   due          nothing changed: the deadline has passed. Call expire.lua first
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt      nothing changed: what is stored of the booking or of its user is broken

local eventKey, logKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3]
local acks, override, grace, booking, user = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4], ARGV[5]

local e, refusal, record = load_event(eventKey, '', booking)
local function refuse(word) return unchanged(e, acks, {word, 0, 0, 0, ''}) end
if refusal then return refuse(refusal) end
local b = record and read_booking(record)
if record and not b then return refuse('corrupt') end
if not b or b.user ~= user then return refuse('no_booking') end

local deadline = b.expiresAt or math.huge -- one who confirms after it is late, whoever looked first
if b.confirmed ~= '' then
  local version, at = string.match(b.confirmed, '^(%d+)@(%d+)$')
  if not version then return refuse('corrupt') end
  return unchanged(e, acks, {'confirmed', tonumber(version), deadline <= tonumber(at) and 1 or 0, 1, b.status})
end
if b.waits then return refuse('booking_waiting') end
local neverHeld = not b.expiresAt -- it was confirmed at once, or promoted to that
if neverHeld and (b.status == 'confirmed' or b.promoted ~= '' or b.firstStatus == 'confirmed') then
  local version = b.promoted ~= '' and version_of(b.promoted) or b.version
  return unchanged(e, acks, {'confirmed', version, 0, 1, b.status})
end
if b.status == 'cancelled' then return refuse('booking_cancelled') end

local now = now_millis(override)
local late, edits = deadline <= now and 1 or 0, {}
if late == 1 and not (b.ends and grace) then
  local due = b.ends or expiry_due(e, now)
  local possible = not not_selling(e, now) and e.waiting == 0
  if possible and not b.ends then
    local tickets = read_holding(redis.call('HGET', eventKey, '@' .. user))
    if not tickets then return refuse('corrupt') end
    possible = b.quantity <= available_tickets(e)
      and (e.maxPerUser == 0 or tickets + b.quantity <= e.maxPerUser)
  end
  if not possible then return refuse(due and not grace and 'due' or 'hold_expired') end
end
if b.ends then
  e.held = e.held - b.quantity
  forget_deadline(e, deadlinesKey, booking, b.expiresAt)
elseif not link_booking(e, edits, booking, b) then
  return refuse('corrupt')
end
local ended = b.ends
e.confirmed = e.confirmed + b.quantity
log_change(e, log_entry('C', now, booking))
b.status, b.confirmed = 'confirmed', write_moment(e.version, now)
edits[booking] = write_booking(b)
commit_edits(e, logKey, edits)
if ended then redis.call('ZREM', deadlinesKey, booking) end
return {'confirmed', e.version, late, 0, ''}
