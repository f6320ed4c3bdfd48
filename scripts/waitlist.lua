-- The promotion rule, joined in front of the scripts that need it.
--
-- serve_waitlist walks the waiting list from its head and confirms bookings, strictly in
-- order, while the whole quantity of the next one is available. Withdrawn bookings are
-- passed over. It looks at no more than LOOK_LIMIT bookings; when it stops there,
-- waitlist.promotionsDue tells that promote.lua has to go on.
--
-- It only reads. What to write of the event it adds to `changes` (field, value,
-- field, value), for the caller's single write_event; trim_waitlist then cuts those who
-- were served off the list. It does so for TRIM_EVERY of them at once, as most
-- cancellations then write one key only. So the list starts with those served since
-- sequence number lastServed - lastServed % TRIM_EVERY, which entry 0 has.
--
-- waitlist is a table: available (tickets), waiting (bookings), lastJoined (the last sequence
-- number given), lastServed (all sequence numbers up to this one were promoted or
-- withdrew), open (may anybody be promoted?), passed (bookings at the head that withdrew
-- in this call). On return it is up to date, with promoted (bookings), first (the first
-- one promoted, or '') and promotionsDue.

local function serve_waitlist(eventKey, waitlistKey, waitlist, version, changes)
  local available, waiting, open = waitlist.available, waitlist.waiting, waitlist.open
  local lastJoined, lastServed = waitlist.lastJoined, waitlist.lastServed
  local looked, withdrawnCount, promoted, first = waitlist.passed, 0, 0, ''
  local at = lastServed % TRIM_EVERY + 1
  local n = #changes
  local stop = false
  local window = 1
  if available > 1 then window = math.max(1, math.min(available, waiting, LOOK_LIMIT)) end
  while not stop and looked < LOOK_LIMIT and lastServed + looked < lastJoined do
    -- With no tickets available and nobody withdrawn, there is nothing to find.
    if (available == 0 or not open) and lastJoined - lastServed - looked == waiting then break end
    if looked + window > LOOK_LIMIT then window = LOOK_LIMIT - looked end
    local bookings, records
    if window == 1 then -- the usual case by far, and a third cheaper this way
      local booking = redis.call('LINDEX', waitlistKey, string.format('%d', at + looked))
      bookings, records = {booking}, {redis.call('HGET', eventKey, booking)}
    else
      bookings = redis.call('LRANGE', waitlistKey, at + looked, at + looked + window - 1)
      records = redis.call('HMGET', eventKey, unpack(bookings))
    end
    for i = 1, #bookings do
      local record = records[i]
      local quantity = string.match(record, '^W||||(%d+)')
      if quantity then
        quantity = tonumber(quantity)
        if not open or quantity > available then
          stop = true
          break
        end
        changes[n + 1], changes[n + 2] = bookings[i], 'C|' .. version .. '|||' .. string.sub(record, 6)
        n = n + 2
        available = available - quantity
        waiting = waiting - 1
        promoted = promoted + 1
        if promoted == 1 then first = bookings[i] end
      else
        withdrawnCount = withdrawnCount + 1
      end
      looked = looked + 1
    end
    window = window * 8
  end
  lastServed = lastServed + looked
  waitlist.available, waitlist.waiting, waitlist.lastServed = available, waiting, lastServed
  waitlist.looked, waitlist.withdrawnCount = looked, withdrawnCount
  waitlist.promoted, waitlist.first = promoted, first
  waitlist.promotionsDue = looked >= LOOK_LIMIT and lastServed < lastJoined
end

local function trim_waitlist(waitlistKey, withdrawnKey, waitlist)
  local before = waitlist.lastServed - waitlist.looked
  local served = waitlist.lastServed - waitlist.lastServed % TRIM_EVERY - (before - before % TRIM_EVERY)
  if served > 0 then redis.call('LTRIM', waitlistKey, string.format('%d', served), '-1') end
  if waitlist.withdrawnCount > 0 then redis.call('ZREMRANGEBYSCORE', withdrawnKey, 1, waitlist.lastServed) end
end

-- Redis when full refuses a write that may need memory, unless the script has written
-- before: what cancels or promotes goes through all the same, as it makes room for
-- others. LTRIM from 0 to -1 changes nothing.
local function write_event(eventKey, waitlistKey, ...)
  local written = redis.pcall('HSET', eventKey, ...)
  if type(written) == 'number' then return end
  redis.call('LTRIM', waitlistKey, '0', '-1')
  redis.call('HSET', eventKey, ...)
end
