-- The scripts run in Redis's Lua 5.1, which offers these globals and no others.
std = {
  read_globals = {
    "KEYS", "ARGV", "redis",
    "string", "table", "math",
    "tonumber", "tostring", "pairs", "ipairs", "unpack", "type",
  },
}
max_line_length = 120
-- What scripts share is joined in front of each of them, used or not.
ignore = {"211/write_.*", "211/read_.*", "211/[A-Z_]+"}
