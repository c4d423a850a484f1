/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A key of gpg 2.2.40 with three user IDs, one of them revoked, and four subkeys: one
 * that encrypts, one that signs, one that encrypts until February 2024, and a
 * revoked one. */
#ifndef TESTS_KEYDATA_MANY_H
#define TESTS_KEYDATA_MANY_H

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static const char many_base64[] =
	"mDMEZZIAgBYJKwYBBAHaRw8BAQdA+9R28R83zuYyNyihuqbltzMrLShKc7wNGW/v5AdvoUC0"
	"GUFsaWNlIDxhbGljZUBleGFtcGxlLm9yZz6IkAQTFggAOBYhBCECorwKGgMfEq5gYXvOLfrT"
	"/Yo5BQJlmJgAAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEHvOLfrT/Yo58hwBAJdw"
	"kqKeFmzCFDit/y8HBPCEwDfPrPxy3GBtfptGKpGHAQDFk1y3jBm2xNEdlp4CNgLMwdWPMRLw"
	"09zW5s3vgqgRBrQVT2xkIDxvbGRAZXhhbXBsZS5vcmc+iJAEExYIADgWIQQhAqK8ChoDHxKu"
	"YGF7zi360/2KOQUCZZIAgAIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRB7zi360/2K"
	"ObrIAP91Ix800jebpz+VKKtnAsOyn3YfYvCiBSqycaN/RdE0UAD/TC4NSnBIt9UawQ3FJI+H"
	"cyqVcEFtblMEM38DvI7nkQu0F0dvbmUgPGdvbmVAZXhhbXBsZS5vcmc+iHgEMBYIACAWIQQh"
	"AqK8ChoDHxKuYGF7zi360/2KOQUCZZs7AAIdIAAKCRB7zi360/2KOcXYAQC0R1/j4xsKHEHx"
	"EaNcG65faoB6XQzZCOBnTbTycoKIpwEAkywYq8s+PeIJNOG7WIF1Y3BYqcUs13FXlyQEjTM7"
	"mQOIkAQTFggAOBYhBCECorwKGgMfEq5gYXvOLfrT/Yo5BQJlmemAAhsDBQsJCAcCBhUKCQgL"
	"AgQWAgMBAh4BAheAAAoJEHvOLfrT/Yo59rAA/11IjxSK+AeqQczRzV42xN0X1WO0eHn/87r3"
	"+apZBGd3AP4kYqW8ULkWQY5A0kFhEVI2SuTA/cLB3cZS00OT2NTrC7g4BGWTUgASCisGAQQB"
	"l1UBBQEBB0DWh/jkVLCNdkI6wwMN4Fx4/lb99hKzpwLaROgO6DnjKAMBCAeIeAQYFggAIBYh"
	"BCECorwKGgMfEq5gYXvOLfrT/Yo5BQJlk1IAAhsMAAoJEHvOLfrT/Yo5FEQA/3o9gGORfmqA"
	"C3KgixYTorPmTKo55bnvsPLUlOAFXpwgAQCovbxWG5KHtvkMWHNupBiGv9nrfYgb1Qr9nNVj"
	"iQY1BLgzBGWUo4AWCSsGAQQB2kcPAQEHQF5WN6BTqj3O97NQaWsolEGj1z+6X7vhH3nE6T5W"
	"PRmmiO8EGBYIACAWIQQhAqK8ChoDHxKuYGF7zi360/2KOQUCZZSjgAIbAgCBCRB7zi360/2K"
	"OXYgBBkWCAAdFiEEC3BrHyonelFave6nswTbZvoceDMFAmWUo4AACgkQswTbZvoceDPoywD/"
	"RFty1WOlmktivuG5q/csYUJE3Y39azj8FcjkaOk0ShUA/RcRPrSGDuzXEtcy8s3s/OS1sLh6"
	"GE3haFgew30HJXAFdgsBAOdNtr0p7eG1DvMIjnpz0IInh1tb/zmkQYA76Zv9f2yvAP42LzIg"
	"SGaWqnkHSGiHygdsOUYO6afkxbSu97BlutMwDrg4BGWV9QASCisGAQQBl1UBBQEBB0CfDPrc"
	"cwn9TDzw6qLfAaFn51B9fSTWJa5yzrPO1urDOAMBCAeIfgQYFggAJhYhBCECorwKGgMfEq5g"
	"YXvOLfrT/Yo5BQJllfUAAhsMBQkAJZLAAAoJEHvOLfrT/Yo5H6UBAPlWgKOhIsyrSAfgHGWP"
	"GXmBFVd1A35AbZVaJdiTg1d5AQC87ojM/32yqtxHS7axXGH1h0HNfQFkFmt1H774Ytp/ALg4"
	"BGWXRoASCisGAQQBl1UBBQEBB0BxpQoeu2WhIgYfrGuM9EIIkfqBkxDke5kLp2x2WciWZwMB"
	"CAeIeAQoFggAIBYhBCECorwKGgMfEq5gYXvOLfrT/Yo5BQJlnIyAAh0AAAoJEHvOLfrT/Yo5"
	"cGsBAO/LvH7sgW24BKShwrtNrV11mkDgIEZ1T5flJVPyW0EuAQDBpPj0gRFaNPyR5Kg9BGwO"
	"M/uObnLNspWsAp7b1weHCIh4BBgWCAAgFiEEIQKivAoaAx8SrmBhe84t+tP9ijkFAmWXRoAC"
	"GwwACgkQe84t+tP9ijnTFQEAwkWph5Nku+ocoISg3VUaVEB1j/C945YWFj7qc5OWc+cBAJPK"
	"lNsxyWWjUy+en3uhbvX0qGRo3EjWIhby7+5HEXoD";

/* Its octets, malloced. */
static inline unsigned char *many_key(size_t *n)
{
	size_t len = sizeof many_base64 - 1;
	unsigned char *p = malloc(len);

	*n = (size_t)EVP_DecodeBlock(p, (const unsigned char *)many_base64,
	                             (int)len);
	while (len && many_base64[--len] == '=')
		--*n;
	return p;
}

#endif
