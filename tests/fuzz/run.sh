#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh SOURCES SECONDS TARGET...: run fuzz targets one after another, so many
# seconds each, in the build folder that is the current one.  Fails on a crash, a
# leak, a hang or more than the named memory; what was found is left in
# tests/fuzz/found and named, what was learnt in tests/fuzz/corpus.
set -eu

RSS_MB=1024	# of one target, AddressSanitizer's own included
HANG=10		# seconds for one input
LENGTH=8192	# octets of one input

sources=$1/tests/fuzz
seconds=$2
shift 2
found=tests/fuzz/found
bad=
mkdir -p "$found"

# The last number behind a word in the log, 0 if there is none.
number() {
	sed -n "s/.*$1 *\\([0-9][0-9]*\\).*/\\1/p" "$log" | tail -n 1 | grep . ||
		echo 0
}

for t in "$@"; do
	corpus=tests/fuzz/corpus/$t
	log=$found/$t.log
	mkdir -p "$corpus"
	set -- "$corpus" "$sources/seeds/$t"
	dict=$sources/$t.dict
	[ -f "$dict" ] || dict=$sources/mime.dict
	status=0
	ASAN_OPTIONS=quarantine_size_mb=32:${ASAN_OPTIONS:-} \
	"tests/fuzz/fuzz_$t" -max_total_time="$seconds" -timeout="$HANG" \
		-rss_limit_mb="$RSS_MB" -max_len="$LENGTH" -detect_leaks=1 \
		-print_final_stats=1 -artifact_prefix="$found/$t-" -dict="$dict" "$@" \
		</dev/null >"$log" 2>&1 || status=$?
	echo "fuzz $t: $(number stat::number_of_executed_units:) executions," \
		"coverage $(number cov:), $(number peak_rss_mb:) MB," \
		"$([ $status = 0 ] && echo nothing found || echo FAILED)"
	[ $status = 0 ] && continue
	bad="$bad $t"
	grep -E 'does not hold|ERROR: |runtime error|SUMMARY' "$log" | head -n 4
	sed -n 's/.*Test unit written to/  it is/p' "$log"
	echo "  all of it: $log"
done
[ -z "$bad" ] || {
	echo "fuzz: failed:$bad" >&2
	exit 1
}
echo "fuzz: nothing found"
