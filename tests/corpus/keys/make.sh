#!/bin/sh -eu
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the awkward keys of the corpus, once: NAME.pub.asc, NAME.sec.asc and the
# list of fingerprints. Run in an empty folder; see ../../keys/make.sh.
H=$(mktemp -d /tmp/llkeys.XXXXXX)
chmod 700 "$H"
trap 'gpgconf --homedir "$H" --kill all; rm -rf "$H"' EXIT
[ ! -e fingerprints ] || { echo "make.sh: keys are here already" >&2; exit 1; }

g() {
	gpg --homedir "$H" --batch --yes --quiet --no-tty --pinentry-mode loopback \
	    --no-auto-check-trustdb --passphrase "" \
	    --faked-system-time 20240101T120000 --allow-freeform-uid "$@"
}

fpr() {
	gpg --homedir "$H" --batch --with-colons --list-keys "=$1" |
		awk -F: '$1 == "fpr" { print $10; exit }'
}

save() {
	F=$(fpr "$2")
	g --armor --export "$F" > "$1.pub.asc"
	g --armor --export-secret-keys "$F" > "$1.sec.asc"
	echo "$1 $F" >> fingerprints
	g --delete-secret-and-public-key "$F"
}

# two addresses in one user ID
U="Alice Example <alice@example.org> <twin@example.net>"
g --quick-gen-key "$U" ed25519 sign never
save angles "$U"

# nobody but its owner says that it is Alice's
U="Two Face <twoface@example.net>"
g --quick-gen-key "$U" ed25519 sign never
g --quick-add-uid "$(fpr "$U")" "Alice Example <alice@example.org>"
save twoface "$U"

# an address that was given up
U="New Name <new@example.org>"
g --quick-gen-key "$U" ed25519 sign never
g --quick-add-uid "$(fpr "$U")" "Old Name <old@example.org>"
g --quick-revoke-uid "$(fpr "$U")" "Old Name <old@example.org>"
save olduid "$U"

# signs with a subkey
U="Sub Key <subkey@example.org>"
g --quick-gen-key "$U" ed25519 cert never
g --quick-add-key "$(fpr "$U")" ed25519 sign never
save subkey "$U"

# an international domain name (RFC 5890)
U="Joerg <joerg@xn--mnchen-3ya.example>"
g --quick-gen-key "$U" ed25519 sign never
save idn "$U"
