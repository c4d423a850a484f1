#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# autogen.sh: make configure, as everywhere.
# autogen.sh demo: install what is missing, build, show what Letterlock does.
# autogen.sh check: install what is missing, build, run all tests.
# autogen.sh fuzz: the same with clang in build-fuzz/, and fuzz each target.
set -eu

cd "$(dirname "$0")"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin	# dpkg and postfix are there
export PATH

build_packages="autoconf automake gcc libc6-dev make pkgconf xz-utils zip
	libcurl4-gnutls-dev libetpan-dev libgpg-error-dev libgpgme-dev
	libgsasl-dev libidn2-dev libinih-dev libjansson-dev libqrencode-dev
	libseccomp-dev libsqlite3-dev libssl-dev
	gnupg gpg gpg-agent gpgconf gpgsm dirmngr libsasl2-modules"
check_packages="binutils ca-certificates dovecot-core dovecot-pop3d
	libcmocka-dev openssl postfix procps python3 python3-pytest
	python3-pytest-xdist sq thunderbird"
fuzz_packages="clang libclang-rt-dev"

say() {
	echo "letterlock: $*"
}

die() {
	code=$1
	shift
	echo "letterlock: $*" >&2
	exit "$code"
}

# Those of the packages that are not installed.
missing() {
	for p in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
		*' ok installed') ;;
		*) printf '%s ' "$p" ;;
		esac
	done
}

# Run apt-get quietly and without questions.  RUNLEVEL=1: no service is started;
# --no-remove: nobody loses the mail server he has.
run_apt() {
	set -- env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 LC_ALL=C \
		apt-get -q -y -o DPkg::Lock::Timeout=600 \
		-o Dpkg::Use-Pty=0 --no-install-recommends --no-remove "$@"
	if [ "$(id -u)" != 0 ]; then
		set -- sudo "$@"
	fi
	"$@" </dev/null
}

# A mail server that is only there to be started by tests must not be set up.
no_postfix_questions() {
	set -- debconf-set-selections
	if [ "$(id -u)" != 0 ]; then
		set -- sudo "$@"
	fi
	echo 'postfix postfix/main_mailer_type select No configuration' | "$@"
}

install_packages() {
	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
		die 69 "this is no Debian; install the counterparts of:" "$@"
	need=$(missing "$@")
	[ -n "$need" ] || return 0
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
		die 69 "as root, install: apt-get install $need"
	say "installing $need"
	case $need in
	*postfix*) no_postfix_questions ;;
	esac
	# The lists are fetched only where they are not there or too old.
	# shellcheck disable=SC2086
	run_apt install $need >/dev/null 2>&1 && return 0
	say "fetching the lists of packages"
	run_apt update
	# shellcheck disable=SC2086
	run_apt install $need ||
		die 69 "not all of this could be installed without removing" \
			"something: $need"
}

make_configure() {
	command -v autoreconf >/dev/null ||
		die 69 "autoreconf is missing (Debian: autoconf, automake)"
	say "making configure"
	autoreconf -fi
}

newer() {
	[ -n "$(find "$1" -newer "$2" 2>/dev/null)" ]
}

# build FOLDER [OPTION...]: with these options of configure.
build() {
	if [ ! -f configure ] || [ ! -f Makefile.in ] ||
	   newer configure.ac configure || newer Makefile.am Makefile.in; then
		make_configure
	fi
	dir=$1
	shift
	set -- -q "$@"
	[ -z "${CI:-}" ] || set -- "$@" --enable-werror
	mkdir -p "$dir"
	# Once more if asked otherwise, or if cmocka has come since.
	how="$* $(pkg-config --modversion cmocka 2>/dev/null || :)"
	if [ ! -f "$dir/Makefile" ] || newer configure "$dir/config.status" ||
	   [ "$(cat "$dir/.configured" 2>/dev/null)" != "$how" ]; then
		say "configuring in $dir/"
		(cd "$dir" && ../configure "$@")
		echo "$how" >"$dir/.configured"
	fi
	say "building"
	make -s -C "$dir" -j"$(nproc)"
}

[ $# -le 1 ] || die 64 "usage: autogen.sh [demo|check|fuzz]"
case ${1:-} in
'')
	make_configure
	;;
demo)
	install_packages $build_packages
	build build
	say "the demo"
	LETTERLOCKD=$PWD/build/letterlockd exec build/letterlock demo
	;;
check)
	install_packages $build_packages $check_packages
	build build
	say "the tests"
	exec make --no-print-directory -C build check
	;;
fuzz)
	install_packages $build_packages $fuzz_packages
	build build-fuzz --enable-fuzzing
	say "fuzzing, a minute for each target"
	exec make --no-print-directory -C build-fuzz -j"$(nproc)" fuzz
	;;
*)
	die 64 "usage: autogen.sh [demo|check|fuzz]"
	;;
esac
