-- The scripts run in Redis's Lua 5.1, which offers these globals and no others.
std = {
  read_globals = {
    "KEYS", "ARGV", "redis",
    "string", "table", "math",
    "tonumber", "tostring", "pairs", "ipairs", "unpack", "type",
  },
}
max_line_length = 120
