-- The clock of the shard, joined in front of the scripts that write timestamps. In tests, the
-- argument replaces it. A time that no reader could show fails the script, before it writes.

local LAST_MILLISECOND = 253402300799999 -- of the year 9999

local function now_millis(override)
  local now = tonumber(override)
  if override == '' then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if not now or now < 0 or now > LAST_MILLISECOND then error('the clock is before 1970 or after 9999') end
  return now
end
