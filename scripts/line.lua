-- The promotion rule, joined in front of the scripts that need it.
--
-- serve_line walks the line from its head and confirms bookings, strictly in
-- order, while the whole quantity of the next one is free. Withdrawn bookings are
-- passed over. It looks at no more than LOOK_LIMIT bookings; when it stops there,
-- line.promotionsDue tells that promote.lua has to go on.
--
-- It only reads. What to write of the event it adds to `changes` (field, value,
-- field, value), for the caller's single write_event; trim_line then cuts those who
-- were served off the list. It does so for TRIM_EVERY of them at once, as most
-- cancellations then write one key only. So the list starts with those served since
-- sequence number lastServed - lastServed % TRIM_EVERY, which entry 0 has.
--
-- line is a table: free (tickets), waiting (bookings), lastJoined (the last sequence number
-- given), lastServed (all sequence numbers up to this one were promoted or withdrew), open
-- (may anybody be promoted?), passed (bookings at the head that withdrew in this call).
-- On return it is up to date, with promoted (bookings), first (the first one promoted,
-- or '') and promotionsDue.

local LOOK_LIMIT = 250
local TRIM_EVERY = 32

local function serve_line(event, waitlist, line, version, changes)
  local free, waiting, open = line.free, line.waiting, line.open
  local lastJoined, lastServed = line.lastJoined, line.lastServed
  local looked, withdrawnCount, promoted, first = line.passed, 0, 0, ''
  local at = lastServed % TRIM_EVERY + 1
  local n = #changes
  local stop = false
  local window = 1
  if free > 1 then window = math.max(1, math.min(free, waiting, LOOK_LIMIT)) end
  while not stop and looked < LOOK_LIMIT and lastServed + looked < lastJoined do
    -- With nothing free and nobody withdrawn, there is nothing to find.
    if (free == 0 or not open) and lastJoined - lastServed - looked == waiting then break end
    if looked + window > LOOK_LIMIT then window = LOOK_LIMIT - looked end
    local bookings, records
    if window == 1 then -- the usual case by far, and a third cheaper this way
      local booking = redis.call('LINDEX', waitlist, string.format('%d', at + looked))
      bookings, records = {booking}, {redis.call('HGET', event, booking)}
    else
      bookings = redis.call('LRANGE', waitlist, at + looked, at + looked + window - 1)
      records = redis.call('HMGET', event, unpack(bookings))
    end
    for i = 1, #bookings do
      local record = records[i]
      local quantity = string.match(record, '^W||||(%d+)')
      if quantity then
        quantity = tonumber(quantity)
        if not open or quantity > free then
          stop = true
          break
        end
        changes[n + 1], changes[n + 2] = bookings[i], 'C|' .. version .. '|||' .. string.sub(record, 6)
        n = n + 2
        free = free - quantity
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
  line.free, line.waiting, line.lastServed = free, waiting, lastServed
  line.looked, line.withdrawnCount, line.promoted, line.first = looked, withdrawnCount, promoted, first
  line.promotionsDue = looked >= LOOK_LIMIT and lastServed < lastJoined
end

local function trim_line(waitlist, withdrawn, line)
  local before = line.lastServed - line.looked
  local served = line.lastServed - line.lastServed % TRIM_EVERY - (before - before % TRIM_EVERY)
  if served > 0 then redis.call('LTRIM', waitlist, string.format('%d', served), '-1') end
  if line.withdrawnCount > 0 then redis.call('ZREMRANGEBYSCORE', withdrawn, 1, line.lastServed) end
end

-- Redis when full refuses a write that may need memory, unless the script has written
-- before: what cancels or promotes goes through all the same, as it makes room for
-- others. LTRIM from 0 to -1 changes nothing.
local function write_event(event, waitlist, ...)
  local written = redis.pcall('HSET', event, ...)
  if type(written) == 'number' then return end
  redis.call('LTRIM', waitlist, '0', '-1')
  redis.call('HSET', event, ...)
end
