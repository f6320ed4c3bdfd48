-- The clock of the shard, joined in front of the scripts that write timestamps. In tests, the
-- argument replaces it.

local function now_millis(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
