-- The promotion rule, joined in front of the scripts that promote or read positions.
--
-- serve_waitlist walks the waiting list from its head and confirms bookings, strictly in
-- order, while the whole quantity of the next one is available. It skips withdrawn bookings.
-- It looks at no more than LOOK_LIMIT bookings; if it stops there, `more` says that
-- promote.lua has to go on.
--
-- It changes the event's table and adds records to `changes`, for commit to write. Afterwards
-- trim_waitlist removes served bookings from the list, TRIM_EVERY at once, so that most
-- cancellations write fewer keys. So entry 0 of the list has the sequence number
-- lastServed - lastServed % TRIM_EVERY, and the entries served since then follow it.
--
-- passed is the number of bookings at the head that this call itself withdrew; records has
-- those that this call has changed, by short id. The result is a table: promoted (short ids,
-- in order), looked and withdrawn (numbers of bookings), more. It is nil if a booking of the
-- list has no record.

local function serve_waitlist(e, waitlistKey, passed, changes, records)
  local available, open = available_tickets(e), e.state == 'open'
  local version = string.format('%d', e.version + 1)
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
      bookings, stored = {booking}, {redis.call('HGET', e.key, booking)}
    else
      bookings = redis.call('LRANGE', waitlistKey, at + looked, at + looked + window - 1)
      stored = redis.call('HMGET', e.key, unpack(bookings))
    end
    for i = 1, #bookings do
      local record = records[bookings[i]] or stored[i]
      if not record then return nil end
      local quantity = waiting_quantity(record)
      if quantity then
        if not open or quantity > available then
          stop = true
          break
        end
        changes[#changes + 1] = bookings[i]
        changes[#changes + 1] = promoted_record(record, version)
        promoted[#promoted + 1] = bookings[i]
        available = available - quantity
        e.confirmed = e.confirmed + quantity
        e.waiting = e.waiting - 1
      else
        withdrawn = withdrawn + 1
      end
      looked = looked + 1
    end
    window = window * 8
  end
  e.lastServed = e.lastServed + looked
  return {
    promoted = promoted, looked = looked, withdrawn = withdrawn,
    more = looked >= LOOK_LIMIT and e.lastServed < e.lastJoined,
  }
end

local function trim_waitlist(e, waitlistKey, withdrawnKey, served)
  local before = e.lastServed - served.looked
  local surplus = e.lastServed - e.lastServed % TRIM_EVERY - (before - before % TRIM_EVERY)
  if surplus > 0 then redis.call('LTRIM', waitlistKey, string.format('%d', surplus), '-1') end
  if served.withdrawn > 0 then redis.call('ZREMRANGEBYSCORE', withdrawnKey, 1, e.lastServed) end
end

-- Returns a booking's position in the waiting list, 1 = next, or 0 if it does not wait.
local function waiting_position(e, withdrawnKey, b)
  if not b.waits then return 0 end
  return b.sequence - e.lastServed - redis.call('ZCOUNT', withdrawnKey, 1, b.sequence - 1)
end
