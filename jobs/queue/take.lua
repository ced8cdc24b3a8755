-- Take n messages under every limit, or nothing: GCRA, the virtual scheduling
-- algorithm of ITU-T I.371. See Conn.Take.
--
-- KEYS  one per limit: "SLOT SEEN", the moment of its next free slot and the
--       moment it was written, in microseconds since 1970 by Redis's clock
-- ARGV  the longest wait; then per limit what n messages cost and how far
--       ahead of schedule the caller may go; all in whole microseconds
-- Gives 1 and the wait, or 0 and how long until it makes sense to ask again.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local longest = tonumber(ARGV[1])

local slots, wait = {}, 0
for i, key in ipairs(KEYS) do
  local slot, seen = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  slot, seen = tonumber(slot), tonumber(seen)
  if seen > now then -- the clock was set back: keep the distance, not the moment
    slot = slot - (seen - now)
  end
  slots[i] = math.max(slot, now)
  wait = math.max(wait, slots[i] - now - tonumber(ARGV[2 * i + 1]))
end
if wait > longest then
  return {0, wait - longest}
end

for i, key in ipairs(KEYS) do
  local slot = slots[i] + tonumber(ARGV[2 * i])
  -- Past its slot a key says nothing that its absence does not.
  local expire = math.ceil((slot - now) / 1000) + 1000
  redis.call('SET', key, string.format('%.0f %.0f', slot, now), 'PX', string.format('%.0f', expire))
end
return {1, wait}
