-- The promotion rule, joined in front of the scripts that need it.
--
-- serve_line walks the line from its head and confirms bookings, strictly in
-- order, while the whole quantity of the next one is free. Those who cancelled
-- in line are passed over. It looks at no more than LOOK_LIMIT bookings; when it
-- stops there, line.backlog tells that promote.lua has to go on.
--
-- It only reads. What to write of the event it adds to `changes` (field, value,
-- field, value), for the caller's single HSET; trim_line then writes the line.
--
-- line is a table: free (tickets), waiting (bookings), joined and taken (line
-- numbers given and used up), open (may anybody be promoted?), passed (bookings
-- at the head that left in this call). On return it is up to date, with promoted
-- (bookings), first (the first one promoted, or '') and backlog.

local LOOK_LIMIT = 500

local function serve_line(event, waitlist, line, version, changes)
  local stop = false
  local window = math.max(1, math.min(line.free, line.waiting, LOOK_LIMIT))
  line.looked, line.gone, line.promoted, line.first = line.passed, 0, 0, ''
  while not stop and line.looked < LOOK_LIMIT and line.taken + line.looked < line.joined do
    -- With nothing free and nobody gone from the line, there is nothing to find.
    local left_early = line.joined - line.taken - line.looked - line.waiting
    if left_early == 0 and (line.free == 0 or not line.open) then break end
    window = math.min(window, LOOK_LIMIT - line.looked)
    local bookings, records
    if window == 1 then -- the usual case by far, and a third cheaper this way
      local at = string.format('%d', line.looked + 1)
      bookings = {redis.call('LINDEX', waitlist, at)}
      records = {redis.call('HGET', event, bookings[1])}
    else
      bookings = redis.call('LRANGE', waitlist, line.looked + 1, line.looked + window)
      records = redis.call('HMGET', event, unpack(bookings))
    end
    for i, booking in ipairs(bookings) do
      local quantity = tonumber((string.match(records[i], '^W||||(%d+)')))
      if quantity then
        if not line.open or quantity > line.free then
          stop = true
          break
        end
        changes[#changes + 1] = booking
        changes[#changes + 1] = 'C|' .. version .. '|||' .. string.sub(records[i], 6)
        line.free = line.free - quantity
        line.waiting = line.waiting - 1
        line.promoted = line.promoted + 1
        if line.first == '' then line.first = booking end
      else
        line.gone = line.gone + 1
      end
      line.looked = line.looked + 1
    end
    window = window * 8
  end
  line.taken = line.taken + line.looked
  line.backlog = line.looked >= LOOK_LIMIT and line.taken < line.joined
end

local function trim_line(waitlist, left, line)
  if line.looked > 0 then redis.call('LTRIM', waitlist, string.format('%d', line.looked), '-1') end
  if line.gone > 0 then redis.call('ZREMRANGEBYSCORE', left, 1, line.taken) end
end
