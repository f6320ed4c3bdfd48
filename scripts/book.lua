-- Books tickets of an event. A booking is confirmed if its tickets are available and nobody
-- waits; otherwise it goes to the end of the waiting list, if it may. The same booking id books once.
-- One call makes several bookings of one event, decided one after the other in the order given.
--
-- KEYS[1]  event           hash
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- ARGV[1]  acks            1 if the answer waits for replicas or the disk, see unchanged.lua
-- ARGV[2]  now             milliseconds since 1970, in tests; else empty
-- ARGV[3]  grace           1 if nothing is to expire now, else 0
-- ARGV[4]  uuid            of the event, or empty for whatever event has this number
-- and for each booking, at most 64:
-- ARGV[5]  booking         short id, chosen by the caller
-- ARGV[6]  user
-- ARGV[7]  quantity        tickets, all or nothing
-- ARGV[8]  reference       the shop's own text, without |; or empty
-- ARGV[9]  waits           1 if it may go to the waiting list, else 0
-- Returns for each booking  {word, version, position, replayed, promotionsDue, current}, in one list
--   confirmed, waiting     position is the place in the waiting list when it was booked, or 0
--                          if confirmed; replayed is 1 if this id was booked before, and then
--                          the rest is the first answer, and current the status now;
--                          promotionsDue is 1 if promote.lua has work
--   no_event, event_closed, event_paused, sale_not_started, sale_ended, over_capacity, quantity_limit,
--   user_limit, waiting_list_full, sold_out      nothing changed
--   due                    nothing changed: a hold or an offer has passed its deadline, which may
--                          change the answer. Call expire.lua first
--   unknown_format         nothing changed: a later version of the service made the event
--   mismatch               nothing changed: this id was used before for something else
--   corrupt                nothing changed: the event, the record of the booking, its user's entry or
--                          the waiting list is broken

local eventKey, logKey, waitlistKey = KEYS[1], KEYS[2], KEYS[3]
local acks, override, grace, uuid = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]

local fields = {} -- two for each booking
for i = 5, #ARGV, 5 do
  fields[#fields + 1] = ARGV[i]
  fields[#fields + 1] = '@' .. ARGV[i + 1]
end
local found = {load_event(eventKey, uuid, unpack(fields))}
local e, refusal = found[1], found[2]
local millis = not refusal and now_millis(override)
local now, closed = millis and string.format('%d', millis), millis and not_selling(e, millis)
local due = millis and not grace and expiry_due(e, millis)
local made, holdings = {}, {} -- records and holdings that this call has changed, by field
local changes, joined = {}, {}
local whole -- whether the waiting list is; nil before the first who joins

local function decide(booking, user, holder, quantity, reference, waits, record, holding)
  if refusal then return refusal, 0, 0, 0, 0, '' end
  if record then
    local b = read_booking(record)
    if not b then return 'corrupt', 0, 0, 0, 0, '' end
    if b.booked ~= quantity or b.user ~= user or b.reference ~= reference
      or b.given or b.position and not waits then
      return 'mismatch', 0, 0, 0, 0, ''
    end
    return b.firstStatus, b.version, b.position or 0, 1, 0, b.status
  end
  if closed then return closed, 0, 0, 0, 0, '' end
  if quantity > e.total then return 'over_capacity', 0, 0, 0, 0, '' end
  if e.maxQuantity > 0 and quantity > e.maxQuantity then return 'quantity_limit', 0, 0, 0, 0, '' end
  local tickets, oldest, newest = read_holding(holding)
  if not tickets then return 'corrupt', 0, 0, 0, 0, '' end
  if e.maxPerUser > 0 and tickets + quantity > e.maxPerUser then
    if due then return 'due', 0, 0, 0, 0, '' end
    return 'user_limit', 0, 0, 0, 0, ''
  end
  local word, position, sequence = 'confirmed', 0, nil
  if e.waiting > 0 or quantity > available_tickets(e) then
    if due then return 'due', 0, 0, 0, 0, '' end
    if not waits or e.waitlistOff == 1 then return 'sold_out', 0, 0, 0, 0, '' end
    word, position, sequence = 'waiting', e.waiting + 1, e.lastJoined + 1
    if e.waitlistLimit > 0 and position > e.waitlistLimit then return 'waiting_list_full', 0, 0, 0, 0, '' end
    if whole == nil then whole = redis.call('LLEN', waitlistKey) == waitlist_length(e) end
    if not whole then return 'corrupt', 0, 0, 0, 0, '' end
    e.waiting, e.lastJoined = position, sequence
    joined[#joined + 1] = booking
  else
    e.confirmed = e.confirmed + quantity
  end

  log_change(e, booking)
  record = new_record(word, '', quantity, now, e.version, newest, sequence, position, '', reference, user)
  holding = write_holding(tickets + quantity, oldest == '' and booking or oldest, booking)
  made[booking], holdings[holder] = record, holding
  local n = #changes
  changes[n + 1], changes[n + 2], changes[n + 3], changes[n + 4] = booking, record, holder, holding
  if newest ~= '' then changes[n + 5], changes[n + 6] = '>' .. newest, booking end
  return word, e.version, position, 0, word == 'waiting' and e.promotionsDue or 0, ''
end

local answers = {}
for i = 1, (#ARGV - 4) / 5 do
  local booking, user, quantity = ARGV[5 * i], ARGV[5 * i + 1], tonumber(ARGV[5 * i + 2])
  local reference, waits = ARGV[5 * i + 3], ARGV[5 * i + 4] == '1'
  local holder, n = fields[2 * i], #answers
  local record, holding = made[booking] or found[2 * i + 1], holdings[holder] or found[2 * i + 2]
  answers[n + 1], answers[n + 2], answers[n + 3], answers[n + 4], answers[n + 5], answers[n + 6] =
    decide(booking, user, holder, quantity, reference, waits, record, holding)
end
if #changes == 0 then return unchanged(e, acks, answers) end
commit(e, logKey, changes)
if #joined > 0 then redis.call('RPUSH', waitlistKey, unpack(joined)) end
return answers
