-- Moves the deadline of a hold, or of an offer, to so many seconds from now. It never makes it
-- earlier. Asking again within a second changes nothing.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  deadlines       sorted set
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  booking         short id
-- ARGV[4]  user            owner of the booking
-- ARGV[5]  seconds         from now; 0 for as long as it was held or offered first
-- Returns  {word, version, expires at, now}
--   extended     version is the event's; expires at and now are milliseconds since 1970
--   no_event, no_booking, event_paused, event_closed      nothing changed
--   not_held     nothing changed: it is neither a hold nor an offer
--   hold_expired: nothing changed, the deadline has passed
--   hold_limit   nothing changed: the deadline would be later than four times the hold's or the
--                offer's time after it began
--   unknown_format: nothing changed, a later version of the service made the event
--   corrupt      nothing changed: what is stored of the booking is broken

local eventKey, logKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3]
local acks, override, booking, user, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local e, refusal, record = load_event(eventKey, '', booking)
local now = refusal and 0 or now_millis(override)
local function refuse(word) return unchanged(e, acks, {word, 0, 0, now}) end
if refusal then return refuse(refusal) end
local b = record and read_booking(record)
if record and not b then return refuse('corrupt') end
if not b or b.user ~= user then return refuse('no_booking') end
if b.status == 'expired' or b.ends and b.expiresAt <= now then return refuse('hold_expired') end
if not b.ends then return refuse('not_held') end
if e.state ~= 'open' then return refuse('event_' .. e.state) end

local began, usual = b.createdAt, e.holdSeconds
if b.status == 'offered' then began, usual = whole_number(string.match(b.promoted, '@(%d+)$')), e.offerSeconds end
if not began then return refuse('corrupt') end
if seconds == 0 then seconds = b.given or e.offerSeconds end
local deadline, last = now + seconds * 1000, began + 4 * usual * 1000
if b.status == 'offered' and e.closesAt > 0 and last > e.closesAt then
  last, deadline = e.closesAt, math.min(deadline, e.closesAt)
end
if deadline - b.expiresAt < 1000 then return unchanged(e, acks, {'extended', e.version, b.expiresAt, now}) end
if deadline > last then return refuse('hold_limit') end

local first = b.expiresAt == e.deadline
log_change(e, log_entry('D', now, booking, string.format('%d', deadline)))
if first then
  forget_deadline(e, deadlinesKey, booking, b.expiresAt)
  note_deadline(e, deadline)
end
b.expiresAt = deadline
commit(e, logKey, {booking, write_booking(b)}, true)
redis.call('ZADD', deadlinesKey, string.format('%d', deadline), booking)
return {'extended', e.version, deadline, now}
