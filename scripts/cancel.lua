-- Cancels a booking and gives what it frees to the head of the line, in one
-- step. Cancelling again changes nothing and gives the first answer.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- KEYS[3]  left            sorted set
-- ARGV[1]  booking         id, or empty: the user's oldest confirmed booking, else
--                          the oldest that waits
-- ARGV[2]  user            whose booking it is
-- ARGV[3]  uuid            with an empty booking: of the event, or empty for whatever event
--                          has this number
-- ARGV[4]  cancellation    id of this request, chosen by the caller; with an empty
--                          booking it tells a retry from a wish to cancel one more
-- Returns  {word, version, booking, first promoted or empty, promoted, replayed, backlog}
--   cancelled    promoted is the number of bookings that this cancellation confirmed;
--                replayed is 1 if the booking was cancelled before
--   no_event, no_booking: nothing changed
--   busy         nothing changed: tickets wait to be given out, call promote.lua
--                first, so that the answer can tell who got this one
--   backlog is 1 if promote.lua has work

local event, waitlist, left = KEYS[1], KEYS[2], KEYS[3]
local booking, user, uuid, cancellation = ARGV[1], ARGV[2], ARGV[3], '!' .. ARGV[4]
local holder = '@' .. user
local by_user = booking == ''

if by_user then
  local found = redis.call('HMGET', event, 'uuid', cancellation, holder)
  if uuid ~= '' and uuid ~= found[1] then return {'no_event', 0, '', '', 0, 0, 0} end
  booking = found[2] or ''
  if booking == '' and found[3] then
    local _, oldest = read_holding(found[3])
    booking = oldest
  end
end

local newer_link = '>' .. booking
local e = redis.call('HMGET', event, 'state', 'total', 'confirmed', 'waiting', 'joined', 'taken',
  'version', 'backlog', booking, holder, newer_link)
local record, holding, newer = e[9], e[10], e[11]
if not e[7] then return {'no_event', 0, '', '', 0, 0, 0} end
local version, backlog = tonumber(e[7]), e[8] and 1 or 0

local status, promotion, cancelled, freed_to, rest, quantity, older, seq, owner = string.match(record or '',
  '^(%u)|(%d*)|(%d*)|([^|]*)|()(%d+)|%d+|%d+|[^|]*|([^|]*)|(%d*)|%d*|(.*)$')
if owner ~= user then return {'no_booking', version, '', '', 0, 0, 0} end
if status == 'X' then
  local first, count = string.match(freed_to, '^([^+]*)%+?(%d*)$')
  return {'cancelled', tonumber(cancelled), booking, first, tonumber(count) or (first ~= '' and 1 or 0), 1, backlog}
end
if status == 'C' and backlog == 1 then return {'busy', version, '', '', 0, 0, 1} end
if not holding then return redis.error_reply('CORRUPT ' .. event .. ' has no holding for ' .. booking) end

local total, confirmed, waiting, taken = tonumber(e[2]), tonumber(e[3]), tonumber(e[4]), tonumber(e[6])
local line = {
  open = e[1] == 'open', free = total - confirmed, waiting = waiting,
  joined = tonumber(e[5]), taken = taken, passed = 0, promoted = 0, first = '',
}
local raised = string.format('%d', version + 1)
local changes = {}
local serves = true
if status == 'C' then
  line.free = line.free + quantity
else
  line.waiting = line.waiting - 1
  serves = tonumber(seq) == line.taken + 1
  line.passed = 1
end

-- Out of the chain of the user's live bookings. HDEL comes first: a full Redis
-- lets it through, and after it the rest of the script.
local held, oldest, newest = read_holding(holding)
if booking == oldest and not newer then
  redis.call('HDEL', event, holder)
else
  if booking == oldest then
    oldest = newer
    redis.call('HDEL', event, newer_link)
  elseif not newer then
    newest = older
    redis.call('HDEL', event, '>' .. older)
  else
    redis.call('HDEL', event, newer_link)
    local fixed, tail = string.match(redis.call('HGET', event, newer),
      '^(%u|%d*|%d*|[^|]*|%d+|%d+|%d+|[^|]*|)[^|]*(|.*)$')
    redis.call('HSET', event, '>' .. older, newer, newer, fixed .. older .. tail)
  end
  redis.call('HSET', event, holder, write_holding(held - quantity, oldest, newest))
end
if serves then -- after the chain: who is promoted may be a booking whose record was just mended
  serve_line(event, waitlist, line, raised, changes)
  trim_line(waitlist, left, line)
else
  redis.call('ZADD', left, seq, seq)
end

freed_to = line.first
if line.promoted > 1 then freed_to = freed_to .. '+' .. string.format('%d', line.promoted) end
local function change(field, value)
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end
if line.free ~= total - confirmed then change('confirmed', string.format('%d', total - line.free)) end
if line.waiting ~= waiting then change('waiting', string.format('%d', line.waiting)) end
if line.taken ~= taken then change('taken', string.format('%d', line.taken)) end
if line.backlog and backlog == 0 then change('backlog', '1') end
if by_user then change(cancellation, booking) end
redis.call('HSET', event, 'version', raised,
  booking, 'X|' .. promotion .. '|' .. raised .. '|' .. freed_to .. '|' .. string.sub(record, rest), unpack(changes))
return {'cancelled', version + 1, booking, line.first, line.promoted, 0, (line.backlog or backlog == 1) and 1 or 0}
