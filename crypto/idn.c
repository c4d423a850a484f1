/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Punycode, as RFC 3492 section 6 has it. */
#include "crypto/idn.h"

#include <stdint.h>
#include <string.h>

#include "crypto/ascii.h"

enum {
	BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700,
	FIRST_BIAS = 72, FIRST = 0x80, CODE_MAX = 0x10ffff
};

static const char PREFIX[] = "xn--";
enum { PREFIX_LEN = sizeof PREFIX - 1 };

/* What is written, as far as there is room. */
struct text {
	char *out;
	size_t len, size;	/* size: with a NUL */
	bool full;
};

static void text_put(struct text *t, const char *p, size_t n)
{
	if (n >= t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->out + t->len, p, n);
	t->len += n;
	t->out[t->len] = '\0';
}

bool idn_is_wide(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return true;
	return false;
}

/* ---- UTF-8 (RFC 3629) ---- */

/* The code point at p, of n octets; how many it took, 0: none. */
static size_t utf8_get(const char *p, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)*p;
	size_t len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 :
	             c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;

	if (!len || len > n)
		return 0;
	*code = len == 1 ? c : c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > CODE_MAX ||
	    (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

static void utf8_put(struct text *t, uint32_t code)
{
	char b[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; code >>= 6)
		b[i] = (char)(0x80 | (code & 0x3f));
	b[0] = (char)(n == 1 ? code : (0xf00u >> n & 0xff) | code);
	text_put(t, b, n);
}

/* ---- Punycode ---- */

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
	return k <= bias + T_MIN ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
}

static void put_digit(struct text *t, uint32_t d)
{
	char c = (char)(d < 26 ? 'a' + d : '0' + d - 26);

	text_put(t, &c, 1);
}

static void put_number(struct text *t, uint32_t q, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t least = threshold(k, bias);

		if (q < least)
			break;
		put_digit(t, least + (q - least) % (BASE - least));
		q = (q - least) / (BASE - least);
	}
	put_digit(t, q);
}

/* The least code point from low on that is in it. */
static uint32_t next_code(const uint32_t *code, size_t n, uint32_t low)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		if (code[i] >= low && code[i] < next)
			next = code[i];
	return next;
}

/* With at most IDN_LABEL_MAX code points no number gets over 32 bits. */
static void punycode(struct text *t, const uint32_t *code, size_t n)
{
	uint32_t at = FIRST, delta = 0, bias = FIRST_BIAS, next;
	size_t done = 0, basic;

	for (size_t i = 0; i < n; i++)
		if (code[i] < 0x80) {
			char c = (char)code[i];

			text_put(t, &c, 1);
			done++;
		}
	basic = done;
	if (basic)
		text_put(t, "-", 1);
	for (; done < n; at++, delta++) {
		next = next_code(code, n, at);
		delta += (next - at) * (uint32_t)(done + 1);
		at = next;
		for (size_t i = 0; i < n; i++) {
			delta += code[i] < at;
			if (code[i] != at)
				continue;
			put_number(t, delta, bias);
			bias = adapt(delta, (uint32_t)done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

static int digit_of(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z' ? c - 'a' : ascii_digit(c) ? c - '0' + 26
	                                                       : -1;
}

/* The number at *p; false: there is none. */
static bool get_number(const char **p, const char *end, uint32_t bias,
                       uint32_t *out)
{
	uint64_t sum = 0, weight = 1;
	uint32_t least;
	int d;

	for (uint32_t k = BASE; *p < end; k += BASE) {
		d = digit_of(*(*p)++);
		if (d < 0)
			return false;
		sum += (uint64_t)d * weight;
		least = threshold(k, bias);
		if (sum > UINT32_MAX)
			return false;
		if ((uint32_t)d < least) {
			*out = (uint32_t)sum;
			return true;
		}
		weight *= BASE - least;
		if (weight > UINT32_MAX)
			return false;
	}
	return false;
}

/* The code points of a label without its prefix; how many, 0: it is none. */
static size_t unpunycode(const char *p, size_t len,
                         uint32_t code[IDN_LABEL_MAX])
{
	const char *end = p + len, *dash = memrchr(p, '-', len);
	uint32_t at = FIRST, bias = FIRST_BIAS, delta;
	uint64_t i = 0;
	size_t n = 0, basic;

	for (; dash && p < dash; p++)
		code[n++] = (unsigned char)*p;
	if (dash)
		p++;
	for (basic = n; p < end; i++) {
		if (n == IDN_LABEL_MAX || !get_number(&p, end, bias, &delta))
			return 0;
		bias = adapt(delta, (uint32_t)n + 1, n == basic);
		i += delta;
		if (i / (n + 1) > CODE_MAX - at)
			return 0;
		at += (uint32_t)(i / (n + 1));
		if (at >= 0xd800 && at < 0xe000)
			return 0;
		i %= n + 1;
		memmove(code + i + 1, code + i, (n - i) * sizeof *code);
		code[i] = at;
		n++;
	}
	return n > basic ? n : 0;	/* a U-label is not ASCII */
}

/* ---- labels ---- */

static bool label_to_ascii(struct text *t, const char *p, size_t n)
{
	uint32_t code[IDN_LABEL_MAX];
	size_t points = 0, len, start = t->len;
	bool wide = false;

	for (size_t i = 0; i < n; i++)
		wide |= p[i] & 0x80;
	if (!wide) {
		text_put(t, p, n);
		return true;
	}
	for (const char *end = p + n; p < end; p += len)
		if (points == IDN_LABEL_MAX ||
		    !(len = utf8_get(p, (size_t)(end - p), &code[points++])))
			return false;
	text_put(t, PREFIX, PREFIX_LEN);
	punycode(t, code, points);
	return t->len - start <= IDN_LABEL_MAX;
}

static bool label_to_utf8(struct text *t, const char *p, size_t n)
{
	char back[IDN_LABEL_MAX + 1] = "";
	struct text again = { back, 0, sizeof back, false };
	uint32_t code[IDN_LABEL_MAX] = { 0 };
	size_t points = 0;

	if (n > PREFIX_LEN && n <= IDN_LABEL_MAX &&
	    ascii_same(p, PREFIX, PREFIX_LEN))
		points = unpunycode(p + PREFIX_LEN, n - PREFIX_LEN, code);
	punycode(&again, code, points);
	/* two ways of writing one name would be two names */
	if (!points || again.full || again.len != n - PREFIX_LEN ||
	    !ascii_same(back, p + PREFIX_LEN, again.len)) {
		text_put(t, p, n);
		return true;
	}
	for (size_t i = 0; i < points; i++)
		utf8_put(t, code[i]);
	return true;
}

static bool each_label(const char *domain, char *out, size_t size,
                       bool (*put)(struct text *, const char *, size_t))
{
	struct text t = { out, 0, size, size == 0 };
	size_t n;

	if (size)
		*out = '\0';
	for (const char *p = domain; !t.full; p += n + 1) {
		n = strcspn(p, ".");
		if (!put(&t, p, n))
			return false;
		if (!p[n])
			break;
		text_put(&t, ".", 1);
	}
	return !t.full;
}

bool idn_to_ascii(const char *domain, char *out, size_t size)
{
	return each_label(domain, out, size, label_to_ascii);
}

bool idn_to_utf8(const char *domain, char *out, size_t size)
{
	return each_label(domain, out, size, label_to_utf8);
}
