/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain words for what OpenSSL has against a server; its own for the rest. */
#include "agent/tls_words.h"

#include <stddef.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

static const char other_name[] = "its certificate is for another name";
static const char no_authority[] =
	"its certificate is from an authority that is not trusted";
static const char itself[] = "its certificate is vouched for by itself only";
static const char weak[] = "its certificate has a weak signature";
static const char small[] = "its certificate has a key that is too small";
static const char no_tls_12[] = "it speaks no TLS 1.2 or later";
static const char no_tls[] = "it speaks no TLS on this port";

struct words {
	int code;
	const char *text;
};

static const struct words cert_words[] = {
	{ X509_V_ERR_HOSTNAME_MISMATCH, other_name },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, other_name },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, itself },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, no_authority },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, no_authority },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, no_authority },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, no_authority },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, "its certificate is forged" },
	{ X509_V_ERR_CERT_HAS_EXPIRED, "its certificate has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "its certificate is not valid yet (or "
	  "this computer's clock is wrong)" },
	{ X509_V_ERR_INVALID_PURPOSE, "its certificate is not for servers" },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, small },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, small },
	{ X509_V_ERR_CA_MD_TOO_WEAK, weak },
	{ X509_V_ERR_APPLICATION_VERIFICATION,
	  "its certificate has none of the pinned keys" },
};

static const struct words shake_words[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, no_tls_12 },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, no_tls_12 },
	{ SSL_R_WRONG_SSL_VERSION, no_tls_12 },
	{ SSL_R_WRONG_VERSION_NUMBER, no_tls },
	{ SSL_R_HTTP_REQUEST, no_tls },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, no_tls },
};

static const char *find(const struct words *w, size_t n, long code)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].code == code)
			return w[i].text;
	return NULL;
}

const char *tls_words_cert(long verdict)
{
	const char *text = find(cert_words, sizeof cert_words /
	                        sizeof *cert_words, verdict);

	return text ? text : X509_verify_cert_error_string(verdict);
}

const char *tls_words_shake(unsigned long error)
{
	const char *text = NULL;

	if (ERR_GET_LIB(error) == ERR_LIB_SSL)
		text = find(shake_words, sizeof shake_words /
		            sizeof *shake_words, ERR_GET_REASON(error));
	return text ? text : ERR_reason_error_string(error);
}
