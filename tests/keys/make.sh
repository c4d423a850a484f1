#!/bin/sh -eu
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the throw-away keys of the tests, once: NAME.pub.asc, NAME.sec.asc and
# the list of fingerprints. Run in an empty folder; what is committed here came
# from one run, and tests rely on these very keys.
H=$(mktemp -d /tmp/llkeys.XXXXXX)
chmod 700 "$H"
trap 'gpgconf --homedir "$H" --kill all; rm -rf "$H"' EXIT
[ ! -e fingerprints ] || { echo "make.sh: keys are here already" >&2; exit 1; }

# g [--options] command: gpg without a question; P is the passphrase, T the
# time: keys from the past are good under any clock
P= T=20240101T120000
g() {
	gpg --homedir "$H" --batch --yes --quiet --no-tty --pinentry-mode loopback \
	    --no-auto-check-trustdb --passphrase "$P" \
	    --faked-system-time "$T" "$@"
}

fpr() {
	gpg --homedir "$H" --batch --with-colons --list-keys "=$1" |
		awk -F: '$1 == "fpr" { print $10; exit }'
}

# save NAME "User ID"
save() {
	F=$(fpr "$2")
	g --armor --export "$F" > "$1.pub.asc"
	g --armor --export-secret-keys "$F" > "$1.sec.asc"
	echo "$1 $F $(echo "$2" | sed 's/.*<\(.*\)>/\1/')" >> fingerprints
	# nothing of it stays, so that two keys may have one user ID
	g --delete-secret-and-public-key "$F"
}

# ed NAME "User ID" [expiry]: ed25519 and cv25519
ed() {
	g --quick-gen-key "$2" ed25519 sign "${3:-never}"
	g --quick-add-key "$(fpr "$2")" cv25519 encr "${3:-never}"
	save "$1" "$2"
}

ed alice "Alice Example <alice@example.org>"
ed bob "Bob Example <bob@example.org>"
ed bob-new "Bob Example <bob@example.org>"
ed frank "Frank Example <frank@example.org>"
ed gone "Gone Example <gone@example.org>"
ed eve "Eve Example <eve@example.net>"
ed mallory "Mallory Example <mallory@example.net>"
P="carol's secret"
ed carol "Carol Example <carol@example.org>"
P=
g --quick-gen-key "Dan Example <dan@example.com>" rsa3072 sign never
g --quick-add-key "$(fpr "Dan Example <dan@example.com>")" rsa3072 encr never
save dan "Dan Example <dan@example.com>"

# signs, but nobody can encrypt to it
g --quick-gen-key "Sally Example <sally@example.org>" ed25519 sign never
save sally "Sally Example <sally@example.org>"

# ended on 1 August 2024
T=20230801T120000
ed expired "Expired Example <expired@example.org>" 20240801T120000
T=20240101T120000

R="Revoked Example <revoked@example.org>"
g --quick-gen-key "$R" ed25519 sign never
g --quick-add-key "$(fpr "$R")" cv25519 encr never
sed 's/^:---/---/' "$H/openpgp-revocs.d/$(fpr "$R").rev" | g --import
save revoked "$R"
