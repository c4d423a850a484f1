/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over OpenPGP packets, without a look into what they hold. */
#include "crypto/packet.h"

#include <string.h>

#include "crypto/packet_private.h"

enum {
	PKESK_MIN = 10,		/* version, key ID, algorithm */
	SIGNATURE_MIN = 10	/* what is in each but its numbers */
};

uint64_t packet_be(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

int packet_length(const unsigned char *p, size_t len, size_t *head,
                  uint64_t *body)
{
	unsigned type = p[0] & 3;

	if (!(p[0] & 0x40)) {
		if (type == 3)
			return -1;
		*head = 1 + (1U << type);
		if (len < *head)
			return 0;
		*body = packet_be(p + 1, *head - 1);
		return 1;
	}
	if (len < 2)
		return 0;
	if (p[1] >= 224 && p[1] < 255)
		return -1;
	*head = p[1] < 192 ? 2 : p[1] < 224 ? 3 : 6;
	if (len < *head)
		return 0;
	if (*head == 2)
		*body = p[1];
	else if (*head == 3)
		*body = packet_be(p + 1, 2) - (192 << 8) + 192;
	else
		*body = packet_be(p + 2, 4);
	return 1;
}

static int packet_note(struct packet_head *h, unsigned tag,
                       const unsigned char *body, uint64_t len, struct err *e)
{
	if (tag == TAG_SKESK)
		h->symmetric = true;
	if (tag != TAG_PKESK)
		return 0;
	if (len && body[0] != 3) {
		h->unknown = true;
		return 0;
	}
	if (len < PKESK_MIN)
		return err_set(e, GPG_ERR_INV_PACKET,
		               "A session-key packet is too short");
	if (h->n == PACKET_KEYS_MAX)
		return err_set(e, GPG_ERR_TOO_MANY,
		               "The message is for more than %d keys",
		               PACKET_KEYS_MAX);
	h->key[h->n++] = packet_be(body + 1, 8);
	return 0;
}

/* Does this packet end the head? */
static bool packet_ends(struct packet_head *h, unsigned tag)
{
	if (tag == TAG_PKESK || tag == TAG_SKESK || tag == TAG_MARKER ||
	    tag == TAG_TRUST)
		return false;
	h->tag = tag;
	h->encrypted = tag == TAG_SED || tag == TAG_SEIPD || tag == TAG_AEAD;
	return true;
}

unsigned packet_tag(unsigned char c)
{
	if (!(c & 0x80))
		return 0;
	return c & 0x40 ? c & 63 : c >> 2 & 15;
}

int packet_head(struct packet_head *h, const void *buf, size_t len,
                struct err *e)
{
	const unsigned char *p = buf;
	size_t off, head;
	uint64_t body;
	unsigned tag;
	int r;

	memset(h, 0, sizeof *h);
	for (off = 0; off < len; off += head + body) {
		tag = packet_tag(p[off]);
		if (!tag)
			return err_set(e, GPG_ERR_INV_PACKET,
			               "This is not an OpenPGP message");
		if (packet_ends(h, tag))
			return 1;
		r = packet_length(p + off, len - off, &head, &body);
		if (r < 0)
			return err_set(e, GPG_ERR_INV_PACKET,
			               "A session-key packet has no length");
		if (!r)
			return 0;
		if (head + body > PACKET_HEAD_MAX - off)
			return err_set(e, GPG_ERR_TOO_LARGE,
			               "The session-key packets are too large");
		if (head + body > len - off)
			return 0;
		if (packet_note(h, tag, p + off + head, body, e))
			return -1;
	}
	return 0;
}

int packet_signatures(const void *buf, size_t len, struct sink *known,
                      unsigned *n, struct err *e)
{
	const unsigned char *p = buf, *version;
	size_t off, head;
	unsigned all = 0;
	uint64_t body;

	*n = 0;
	for (off = 0; off < len; off += head + body) {
		if (packet_tag(p[off]) != TAG_SIGNATURE ||
		    packet_length(p + off, len - off, &head, &body) <= 0 ||
		    body < SIGNATURE_MIN || body > len - off - head)
			return err_set(e, GPG_ERR_INV_PACKET,
			               "This is not a signature");
		if (++all > PACKET_SIGS_MAX)
			return err_set(e, GPG_ERR_TOO_MANY,
			               "There are more than %d signatures",
			               PACKET_SIGS_MAX);
		version = p + off + head;
		if (*version != 3 && *version != 4)
			continue;
		if (sink_put(known, p + off, head + body, e))
			return -1;
		++*n;
	}
	return all ? 0 : err_set(e, GPG_ERR_NO_DATA, "There is no signature");
}

static bool in_public(unsigned tag)
{
	switch (tag) {
	case TAG_KEY: case TAG_SUBKEY: case TAG_USER_ID:
	case TAG_USER_ATTRIBUTE: case TAG_SIGNATURE: case TAG_TRUST:
	case TAG_MARKER: case TAG_PADDING:
		return true;
	}
	return false;
}

int packet_public(const void *buf, size_t len, struct err *e)
{
	const unsigned char *p = buf;
	size_t off, head;
	bool key = false;
	uint64_t body;
	unsigned tag;

	for (off = 0; off < len; off += head + body) {
		tag = packet_tag(p[off]);
		if (tag == TAG_SECRET_KEY || tag == TAG_SECRET_SUBKEY)
			return err_set(e, gpg_error(GPG_ERR_FORBIDDEN),
			               "There is a secret key in it");
		key |= tag == TAG_KEY;
		if (!key || !in_public(tag)
		    || packet_length(p + off, len - off, &head, &body) <= 0
		    || body > len - off - head)
			return err_set(e, gpg_error(GPG_ERR_INV_PACKET),
			               "This is no public key");
	}
	return key ? 0 : err_set(e, gpg_error(GPG_ERR_NO_DATA),
	                         "There is no public key in it");
}
