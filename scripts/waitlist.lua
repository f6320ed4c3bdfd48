-- The promotion rule, joined in front of the scripts that promote or read positions.
--
-- serve_waitlist walks the waiting list from its head and confirms bookings, or offers them their
-- tickets if the event has offerSeconds, strictly in order, while the whole quantity of the next one
-- is available. It skips withdrawn bookings, and promotes nobody once the sale has ended.
-- It looks at no more than LOOK_LIMIT bookings; if it stops there, `more` says that
-- promote.lua has to go on.
--
-- It changes the event's table and adds records to `edits`, see edits.lua. Afterwards
-- trim_waitlist writes the deadlines of offers, and removes served bookings from the list,
-- TRIM_EVERY at once, so that most cancellations write fewer keys. So entry 0 of the list has the
-- sequence number lastServed - lastServed % TRIM_EVERY, and the entries served since then follow it.
--
-- passed is the number of bookings at the head that this call itself withdrew. The result is a
-- table: promoted (short ids, in order), looked and withdrawn (numbers of bookings), more, and
-- expiresAt (of the offers, or empty). It is nil if the list is too short, or a booking of it
-- has no record.

local function serve_waitlist(e, waitlistKey, now, passed, edits)
  local available, open = available_tickets(e), e.state == 'open' and (e.closesAt == 0 or now < e.closesAt)
  local when, expiresAt = write_moment(e.version + 1, now), ''
  if e.offerSeconds > 0 then
    local deadline = now + e.offerSeconds * 1000
    if e.closesAt > 0 and deadline > e.closesAt then deadline = e.closesAt end
    expiresAt = string.format('%d', deadline)
  end
  local looked, withdrawn, promoted = passed, 0, {}
  local at = e.lastServed % TRIM_EVERY + 1
  local window, stop = 1, false
  if available > 1 then window = math.max(1, math.min(available, e.waiting, LOOK_LIMIT)) end
  while not stop and looked < LOOK_LIMIT and e.lastServed + looked < e.lastJoined do
    -- With no tickets to give out and no withdrawn booking to skip, there is nothing to do.
    if (available == 0 or not open) and e.lastJoined - e.lastServed - looked == e.waiting then break end
    if looked + window > LOOK_LIMIT then window = LOOK_LIMIT - looked end
    local bookings, stored
    if window == 1 then -- the usual case by far, and a third cheaper this way
      local booking = redis.call('LINDEX', waitlistKey, string.format('%d', at + looked))
      if not booking then return nil end
      bookings, stored = {booking}, {redis.call('HGET', e.key, booking)}
    else
      bookings = redis.call('LRANGE', waitlistKey, at + looked, at + looked + window - 1)
      if #bookings == 0 then return nil end
      stored = redis.call('HMGET', e.key, unpack(bookings))
    end
    for i = 1, #bookings do
      local record = edits[bookings[i]] or stored[i]
      if not record then return nil end
      local quantity = waiting_quantity(record)
      if quantity then
        if not open or quantity > available then
          stop = true
          break
        end
        edits[bookings[i]] = promoted_record(record, when, expiresAt)
        promoted[#promoted + 1] = bookings[i]
        available = available - quantity
        local kind = expiresAt == '' and 'confirmed' or 'held'
        e[kind] = e[kind] + quantity
        e.waiting = e.waiting - 1
      else
        withdrawn = withdrawn + 1
      end
      looked = looked + 1
    end
    window = window * 8
  end
  e.lastServed = e.lastServed + looked
  if #promoted > 0 and expiresAt ~= '' then note_deadline(e, tonumber(expiresAt)) end
  return {
    promoted = promoted, looked = looked, withdrawn = withdrawn, expiresAt = expiresAt,
    more = looked >= LOOK_LIMIT and e.lastServed < e.lastJoined,
  }
end

local function trim_waitlist(e, waitlistKey, withdrawnKey, deadlinesKey, served)
  if served.expiresAt ~= '' and #served.promoted > 0 then
    local deadlines = {}
    for i = 1, #served.promoted do
      deadlines[2 * i - 1], deadlines[2 * i] = served.expiresAt, served.promoted[i]
    end
    redis.call('ZADD', deadlinesKey, unpack(deadlines))
  end
  local before = e.lastServed - served.looked
  local surplus = e.lastServed - e.lastServed % TRIM_EVERY - (before - before % TRIM_EVERY)
  if surplus > 0 then redis.call('LTRIM', waitlistKey, string.format('%d', surplus), '-1') end
  if served.withdrawn > 0 then redis.call('ZREMRANGEBYSCORE', withdrawnKey, 1, e.lastServed) end
end

-- Returns bookings as an answer has them: short id, record, short id ... A record may be empty.
local function booking_rows(e, ids, edits)
  local rows, stored = {}, {}
  local missing = {}
  for i = 1, #ids do
    if not edits[ids[i]] then missing[#missing + 1] = ids[i] end
  end
  if #missing > 0 then
    local records = redis.call('HMGET', e.key, unpack(missing))
    for i = 1, #missing do stored[missing[i]] = records[i] end
  end
  for i = 1, #ids do
    rows[2 * i - 1], rows[2 * i] = ids[i], edits[ids[i]] or stored[ids[i]] or ''
  end
  return rows
end

-- Returns a booking's position in the waiting list, 1 = next, or 0 if it does not wait.
local function waiting_position(e, withdrawnKey, b)
  if not b.waits then return 0 end
  return b.sequence - e.lastServed - redis.call('ZCOUNT', withdrawnKey, 1, b.sequence - 1)
end
