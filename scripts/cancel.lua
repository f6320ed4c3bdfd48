-- Cancels a booking and gives what it frees to the head of the waiting list, in one
-- step. Cancelling again changes nothing and gives the first answer.
--
-- KEYS[1]  event           hash
-- KEYS[2]  waitlist        list
-- KEYS[3]  withdrawn       sorted set
-- ARGV[1]  booking         short id, or empty: the user's oldest confirmed booking, else
--                          the oldest that waits
-- ARGV[2]  user            whose booking it is
-- ARGV[3]  uuid            with an empty booking: of the event, or empty for whatever event
--                          has this number
-- ARGV[4]  cancellation    id of this request, chosen by the caller; with an empty
--                          booking it tells a retry from a wish to cancel one more
-- ARGV[5]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- Returns  {word, version, booking, first promoted or empty, promoted, replayed, promotionsDue}
--                promotionsDue is 1 if promote.lua has work
--   cancelled    promoted is the number of bookings that this cancellation confirmed;
--                replayed is 1 if the booking was cancelled before
--   no_event, no_booking: nothing changed
--   unknown_format: nothing changed, a later version of the service made the event
--   busy         nothing changed: tickets wait to be given out, call promote.lua
--                first, so that the answer can tell who got this one

local eventKey, waitlistKey, withdrawnKey = KEYS[1], KEYS[2], KEYS[3]
local booking, user, uuid, cancellation, acks = ARGV[1], ARGV[2], ARGV[3], '!' .. ARGV[4], ARGV[5]
local holder = '@' .. user
local by_user = booking == ''

if by_user then
  local found = redis.call('HMGET', eventKey, 'settings', cancellation, holder)
  local _, _, _, _, this = string.match(found[1] or '', SETTINGS)
  if found[1] and not this then return {'unknown_format', 0, '', '', 0, 0, 0} end
  if found[1] and uuid ~= '' and uuid ~= this then
    return unchanged(eventKey, acks, {'no_event', 0, '', '', 0, 0, 0})
  end
  booking = found[2] or ''
  if booking == '' and found[3] then
    local _, oldest = read_holding(found[3])
    booking = oldest
  end
end

local e = redis.call('HMGET', eventKey, 'settings', 'counters', booking, holder)
local record, holding = e[3], e[4]
local version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest = string.match(e[2] or '', COUNTERS)
local state, total = string.match(e[1] or '', SETTINGS)
if not e[1] then return {'no_event', 0, '', '', 0, 0, 0} end
if not state then return {'unknown_format', 0, '', '', 0, 0, 0} end
version = tonumber(version)

local status, promotion, cancelled, freed_to, rest, quantity, older, sequence, owner = string.match(record or '',
  '^(%u)|(%d*)|(%d*)|([^|]*)|()(%d+)|%d+|%d+|[^|]*|([^|]*)|(%d*)|%d*|(.*)$')
if owner ~= user then return unchanged(eventKey, acks, {'no_booking', version, '', '', 0, 0, 0}) end
if status == 'X' then
  local first, count = string.match(freed_to, '^([^+]*)%+?(%d*)$')
  local promoted = tonumber(count) or (first ~= '' and 1 or 0)
  return unchanged(eventKey, acks,
    {'cancelled', tonumber(cancelled), booking, first, promoted, 1, tonumber(promotionsDue)})
end
if status == 'C' and promotionsDue == '1' then return {'busy', version, '', '', 0, 0, 1} end
if not holding or holding == '' then
  return redis.error_reply('CORRUPT ' .. eventKey .. ' has no holding for ' .. booking)
end

local raised = string.format('%d', version + 1)
total = tonumber(total)
local available = total - confirmed
local waitlist = {
  open = state == 'open', available = available, waiting = tonumber(waiting),
  lastJoined = tonumber(lastJoined), lastServed = tonumber(lastServed),
  passed = 0, promoted = 0, first = '', looked = 0, withdrawnCount = 0, promotionsDue = false,
}
local changes = {}
local serves = true
if status == 'C' then
  waitlist.available = waitlist.available + quantity
else
  waitlist.waiting = waitlist.waiting - 1
  serves = tonumber(sequence) == waitlist.lastServed + 1
  waitlist.passed = 1
end

-- Out of the chain of the user's live bookings.
local userTickets, oldest, newest = read_holding(holding)
if oldest == newest then
  changes[1], changes[2] = holder, ''
else
  local newer = redis.call('HGET', eventKey, '>' .. booking)
  -- HDEL comes first: a full Redis lets it through, and after it the rest of the script.
  redis.call('HDEL', eventKey, '>' .. (newer and booking or older))
  if booking == oldest then
    oldest = newer
  elseif not newer then
    newest = older
  else
    local fixed, tail = string.match(redis.call('HGET', eventKey, newer),
      '^(%u|%d*|%d*|[^|]*|%d+|%d+|%d+|[^|]*|)[^|]*(|.*)$')
    redis.call('HSET', eventKey, '>' .. older, newer, newer, fixed .. older .. tail)
  end
  changes[1], changes[2] = holder, write_holding(userTickets - quantity, oldest, newest)
end
if serves then -- after the chain: who is promoted may be a booking whose record was just mended
  serve_waitlist(eventKey, waitlistKey, waitlist, raised, changes)
end

freed_to = waitlist.first
if waitlist.promoted > 1 then freed_to = freed_to .. '+' .. string.format('%d', waitlist.promoted) end
if waitlist.promotionsDue then promotionsDue = '1' end
if by_user then
  changes[#changes + 1] = cancellation
  changes[#changes + 1] = booking
end
if waitlist.available ~= available then confirmed = string.format('%d', total - waitlist.available) end
write_event(eventKey, waitlistKey, 'counters',
  write_counters(raised, confirmed, string.format('%d', waitlist.waiting), lastJoined,
    string.format('%d', waitlist.lastServed), promotionsDue, latest),
  booking, 'X|' .. promotion .. '|' .. raised .. '|' .. freed_to .. '|' .. string.sub(record, rest), unpack(changes))
if serves then
  trim_waitlist(waitlistKey, withdrawnKey, waitlist)
else
  redis.call('ZADD', withdrawnKey, sequence, sequence)
end
return {'cancelled', version + 1, booking, waitlist.first, waitlist.promoted, 0, tonumber(promotionsDue)}
