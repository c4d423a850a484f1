/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who says what to whom: the frames between the roles, one block a channel.
 * "u32 s" and so on are the payload in order (see chan.h: u32, u64, str, mem). */
#ifndef AGENT_FRAMES_H
#define AGENT_FRAMES_H

enum frame_type {
	/* guard -> role over its leash, once: fds in the order of roles.h */
	G_START = 1,		/* u32 kind (enum session_kind); to front also u32 tls
				 * (enum local_tls), u32 remote, str peer ("uid 1000",
				 * or an address that is not this machine's); fds */
	/* guard -> keeper: a session's front or crypt will ask over fd */
	G_ASKER,		/* u32 role (enum role: which may ask what stands in
				 * keeper_answer.c), u32 generation of the session's
				 * configuration, u32 number of the session, u32 its
				 * kind (enum session_kind); fd */
	/* front -> guard: another lane (crypt and upstream); guard -> front */
	G_LANE,			/* [] / fds: crypt, mime's end to crypt, upstream */

	/* front, plugin -> guard: another opener (mime and crypt), for POP3 and for
	 * what a plug-in wants to have opened */
	G_OPENER,		/* [] / fds: mime, the write end of its pipe */
	/* plugin -> guard: a crypt; guard -> plugin */
	G_CRYPT,		/* [] / fds: crypt */
	/* plugin -> guard: a mime alone, for FETCHED_VERDICT; guard -> plugin */
	G_READER,		/* [] / fds: mime, the write end of its pipe */
	/* plugin -> guard: what runs; guard -> plugin */
	G_STATUS,		/* [] / u64 started (unix time), u32 sessions, u32 most of
				 * them, u32 n, then n of: str address, u32 kind, u32
				 * tls */
	/* guard -> keeper: the configuration was read again */
	G_CONF,			/* u32 generation, counted from 0; fd: its text, at its
				 * beginning */

	/* front -> upstream; each is answered by U_DONE */
	U_LOGIN = 20,		/* u32 account (index), u32 with (enum login_with),
				 * str user, str secret; LOGIN_NONE ends before
				 * AUTH */
	U_MAIL,			/* str from, u32 flags (enum mail_flag), u64 size or 0 */
	U_RCPT,			/* str to */
	U_DATA,			/* []: DATA; after a U_DONE with 354 the letter is
				 * taken from the pipe; at its P_END: U_READY */
	U_COMMIT,		/* []: the final dot; U_DONE is the provider's answer */
	U_RESET,		/* []: RSET (SMTP) or RSET (POP3) */
	U_NOOP,			/* [] */
	U_QUIT,			/* []: QUIT; U_DONE and the end */
	U_STAT,			/* []: U_DONE text "N OCTETS" */
	U_LIST,			/* u32 n or 0: U_ITEM (n, "octets") ... U_DONE */
	U_UIDL,			/* u32 n or 0: U_ITEM (n, uid) ... U_DONE */
	U_DELE,			/* u32 n */
	U_RETR,			/* u32 n: U_DONE, then the letter into the pipe to mime */
	U_TOP,			/* u32 n, u32 lines: the same */
	U_AHEAD,		/* u32 n, fd: RETR into this pipe; there it ends by
				 * P_END or P_FAIL also where there is no letter */
	/* upstream -> front */
	U_DONE,			/* u32 outcome (enum outcome), u32 code (SMTP reply,
				 * 0 = none; of DONE_UNREACHABLE: enum unreachable),
				 * str text; after U_LOGIN also
				 * u32 flags (enum provider_flag), u64 SIZE (0 = none) */
	U_ITEM,			/* u32 n, str text */
	U_READY,		/* []: all of the letter but its final dot is sent */

	/* crypt -> upstream (SMTP), upstream -> mime (POP3), plugin -> mime: one-way
	 * pipes */
	P_DATA = 50,		/* octets, CRLF line ends, without dots stuffed; from a
				 * plugin as a mail program stores them */
	P_END,			/* []: the letter is complete */
	P_FAIL,			/* str: upstream lost it in the middle (POP3) */

	/* front -> mime */
	M_LETTER = 60,		/* []: a letter to send begins; M_DATA is its header
				 * block with the empty line, until M_HEADER_END */
	M_DATA,			/* octets with CRLF line ends, dots unstuffed */
	M_HEADER_END,		/* []: answered by M_FACTS or M_BAD */
	M_BEGINS,		/* octets the body begins with (as many as
				 * SMIME_HEAD_MAX, or all): answered by M_FORM */
	M_GO,			/* u32 lanes, u32 how (enum going), str domain for a
				 * Message-ID; then M_DATA ..., all of the body */
	M_END,			/* []: the letter is complete; answered by M_END (str the
				 * Message-ID it went with) or M_BAD */
	M_ABORT,		/* u32 front has dropped its lanes: it is not; no
				 * answer */
	M_SEND,			/* u32 how, u32 lines: hand over what M_OPEN kept */
	M_DROP,			/* []: forget it; no answer */
	M_LANE,			/* u32 n, fd: mime's end to the crypt of lane n */
	M_OPEN,			/* u32 how (enum fetched), u32 lines (FETCHED_STORED: may
				 * a passphrase be asked for?), u32 are keys that come
				 * along to be learnt: a letter comes from the pipe;
				 * answered by M_DATA ..., then M_BAD or M_END:
				 * [], but of FETCHED_ALL: str text of the verdict, mem
				 * digest[32] it is under, str Message-ID or "" */
	/* mime -> front */
	M_ADDR,			/* u32 field (enum addr_field), str addr */
	M_ANSWERS,		/* str Message-ID of a letter it answers or forwards */
	M_FACTS,		/* u32 code of [clear 1234] or 0xffffffff, u32 encrypt,
				 * u32 sign (enum wish), u32 form (enum form), as its
				 * header block says, str Message-ID or "" */
	M_UNFIT,		/* before M_FACTS: u32 code (SMTP reply), str words, why
				 * it can be neither sealed nor signed */
	M_FORM,			/* u32 form, as its body says too */
	M_CHECKED,		/* u32 it is one field of our form, str its text, mem
				 * digest[32], mem body[32] for K_CHECK, u32 form of
				 * the letter below, u64 octets of M_DATA that follow
				 * (FETCHED_STORED) */
	M_SENDER,		/* u32 (enum sender_is), str From or "", u64 date or 0, u32
				 * mutual, then the key's octets (FETCHED_SENDER) */
	M_BAD,			/* u32 code (SMTP reply; POP3: 1 = the session can't
				 * go on; FETCHED_STORED: 2 = the key is locked), str
				 * words; after M_SEND: fetch it again */

	/* front -> crypt */
	C_WARM = 80,		/* u32 account, u32 ask (enum asking): C_DONE;
				 * DONE_LOCKED: "cancelled", "timeout", "wrong" or
				 * "locked" */
	C_KEYS,			/* u32 account, u32 n, str addr ...: C_KEYS_FOUND or
				 * C_DONE (DONE_REFUSED: one that is there can't be
				 * used now) */
	C_SEAL,			/* u32 sign, u32 account, u32 n, str addr ...: the letter
				 * from mime is sealed for them (found before);
				 * C_DONE when the sealed octets have all gone */
	C_SIGN,			/* u32 account: it is passed on signed; C_DONE */
	C_PASS,			/* u32 account, u32 n, str addr ...: what is OpenPGP
				 * already is passed on, if it is sealed for them
				 * (found before) and our own key alone; C_DONE */
	C_CLEAR,		/* []: it is passed on as it is; C_DONE */
	C_FROM,			/* u32 account, str From: before one of C_SEAL to
				 * C_CLEAR: the letter carries that account's key; no
				 * answer */
	C_GOSSIP,		/* u32 n, str addr ...: before C_SEAL: the sealed letter
				 * carries the keys of these inside (GOSSIP_PEOPLE_MAX);
				 * no answer */
	C_EXPORT,		/* u32 account, str fpr of any key, or "": that account's
				 * own: C_EXPORTED or C_DONE; DONE_REFUSED: there is
				 * none */
	C_LIST,			/* str addr: the keys there are for it; or "", u32
				 * account: its own; C_KEY ..., C_DONE */
	C_IMPORT,		/* armored public keys: C_IMPORTED, C_KEY ..., C_DONE */
	C_ENDS,			/* u32 account: C_ENDS_AT */
	C_LEARN,		/* u32 keep, str addr, u64 date, u32 mutual, then the
				 * key's octets (none: a letter without a field; only to
				 * be kept), which came with an old letter: C_LEARNED or
				 * C_DONE; not keep: it is only judged */
	/* crypt -> front */
	C_EXPORTED,		/* str the public key as text */
	C_DONE,			/* u32 outcome (enum outcome), str words */
	C_KEYS_FOUND,		/* u32 state of own key, then n of: u32 key_state,
				 * u32 valid, u32 verified, u64 expires, str fpr, u32
				 * (enum key_from) */
	C_KEY,			/* str fpr, u64 created, u64 expires, u32 (enum
				 * key_flag), u32 (enum judged), u32 (enum key_from),
				 * u32 n, str user ID ... */
	C_IMPORTED,		/* u32 how many keys are new */
	C_LEARNED,		/* u32 (enum learnt), str fpr or "", str words */
	C_ENDS_AT,		/* u64 when the account's own key ends, unix time; 0:
				 * never, or there is none */

	/* mime -> crypt, outgoing */
	X_HEAD = 100,		/* octets that go out before the sealed or signed ones */
	X_MICALG,		/* []: the digest's name stands here in X_HEAD */
	X_DATA,			/* octets to seal, to sign or to pass on */
	X_TAIL,			/* octets that go out behind */
	X_SIGNATURE,		/* []: the signature stands here in X_TAIL */
	X_END,			/* []: complete */
	/* mime -> crypt, incoming */
	X_LETTER,		/* u32 ask: another letter begins, forget the last; may
				 * a passphrase be asked for? */
	X_RAW,			/* octets as they came */
	X_CIPHER,		/* binary OpenPGP, to be decrypted */
	X_CIPHER_END,		/* []: the end of it */
	X_RAW_END,		/* u32 what it was (enum raw): answered by X_OPENED */
	X_VERIFY,		/* u32 spool, u64 octets before the body, u64 from, u64
				 * octets of it (of SPOOL_CLEAR: as they are when each
				 * CR and LF alone is CRLF), then the signature (binary
				 * OpenPGP): is it one of these octets, with CRLF line
				 * ends?  Once; answered by X_VERIFIED */
	X_READ,			/* u32 spool (enum spool_name): X_DATA ... X_END */
	X_JUDGE,		/* u32 n, str Message-ID ..., u32 n, str From address
				 * ..., mem digest[32], u32 has body, mem body[32]:
				 * X_VERDICT */
	X_LEARN,		/* u32 KEY_FROM_AUTOCRYPT or GOSSIP, str addr, u64 date of
				 * the letter or 0, u32 mutual, then the key's octets
				 * (of AUTOCRYPT none: a letter without a field): it
				 * came along with the letter, which the client has; no
				 * answer */
	/* crypt -> mime */
	X_OPENED,		/* u32 encryption, u32 reason, u32 held (enum held) */
	X_VERIFIED,		/* u32 held, u32 counts: 0 where the encryption had a
				 * signature of its own, which rules alone */
	X_VERDICT,		/* str: the whole header line */

	/* crypt, front -> keeper; each is answered by K_ANSWER */
	K_MAC = 120,		/* u32 encryption, signature, trust, reason, str signer,
				 * str fpr, u32 has_body, mem body[32], mem digest[32]:
				 * str line ("" when it can't be made) */
	K_CHECK,		/* str text of a verdict, mem digest[32], mem body[32] as
				 * they are now: u32 (enum verdict_check) */
	K_RECALL,		/* u64 stamp, str key: u32 found, mem value */
	K_REMEMBER,		/* u64 stamp, str key, mem value; no answer */
	K_CONTACT,		/* str addr: u32 policy of its own, u32 ever sealed to,
				 * u32 readable allowed, str fpr of the key last sealed
				 * to or "", u64 since when it has been that (unix time) */
	K_JUDGED,		/* str addr: str fpr of the key last sealed to, str fpr
				 * of one that waits, u32 n, then n of: str fpr, u32
				 * (enum judged) */
	K_WAITS,		/* str addr, str fpr: this key waits to be accepted,
				 * "": none does; no answer */
	K_SEALED,		/* u32 n, then n of: str addr, str fpr: they are sealed
				 * to: u32 that is written */
	K_CLEAR,		/* str addr: readable letters to it are allowed (by an
				 * explicit act, until a key is known); no answer */
	K_CONTACTS,		/* u32 only this one, str addr (or: those behind it): any
				 * number of: u32 1 and a contact, as pack_contact() has
				 * it, str own fpr, u32 n, n keys as in K_PEER; then u32
				 * 0, u32 there are more */
	K_CONTACT_SET,		/* str addr, u32 what (enum contact_set), u32 readable,
				 * u32 policy, str fpr, u32 (enum judged): u32 the code
				 * of an error, 0 = that is written */
	/* crypt -> keeper: peers' keys (peers.h) */
	K_PEER,			/* str addr: str addr or "" (nothing is known), u64
				 * last_seen, timestamp, gossip_timestamp, u32 mutual,
				 * u64 wkd_timestamp, str own fpr, u32 n, then n of: u32 (enum
				 * key_from), str fpr, u64 learnt, u64 expires, u32
				 * revoked */
	K_PEER_KEY,		/* str fpr: u32 it is here, and then: u32 (enum
				 * key_from), u64 learnt, u64 expires, u32 revoked, its
				 * octets */
	K_PEER_KEYS,		/* u64 serial: u64 the last serial, u32 keys there are,
				 * u32 n, then n of (those behind that serial that fit,
				 * in order): u64 serial, str fpr */
	K_LEARNT,		/* str addr, u32 (enum key_from), u64 date, u32 mutual,
				 * u64 expires, u32 revoked, str fpr, the key's octets
				 * (with fpr "" none: a letter without a field), after
				 * gpg has judged it: u32 the code of an error, u32 it is
				 * taken */
	/* front (SMTP), plugin -> keeper: keys are looked for (by WKD) */
	K_LOOKUP,		/* u32 how (of enum lookup), u32 n (LOOKUP_ADDRS_MAX at
				 * most), str addr ...: n of: u32 (enum looked) */
	/* crypt -> keeper: what was found */
	K_FOUND,		/* str addr: u32 there is a key, and then: u64 when (unix
				 * time), its octets */
	K_UNFIT,		/* str addr: gpg says that it is of no use; no answer */
	K_CAME,			/* str Message-ID: a letter came sealed; no answer */
	K_DID_COME,		/* str Message-ID: u32 it came sealed, within a year */
	K_CODE,			/* str text: u32 the four digits today, u32 yesterday's */
	K_SECRET,		/* u32 account, str token: u32 (enum secret_found), str
				 * the secret that the account's command printed, or
				 * words */
	K_WAIT,			/* str peer: u32 milliseconds its next login has to wait */
	K_LOGIN,		/* str peer, u32 account, u32 kind (enum session_kind),
				 * u32 outcome (DONE_REFUSED: ours, as for a wrong token;
				 * else the provider's, or why it was not asked), u32
				 * code (as in U_DONE), str words (why not): what came
				 * of one; no answer */
	K_UNPROVEN,		/* u32 account, u32 kind: u32 its provider gave no proof
				 * lately (UNREACHED_NO_PROOF), nor one since */
	K_STATUS,		/* u32 account: for either kind (SMTP, POP3): u64 last
				 * reached, u64 last failed (unix time, 0 = never), str
				 * words */
	K_RENEWAL,		/* u32 account: u64 when its own key was last made to last
				 * longer, or could not be (unix time, 0: neither), u64
				 * until, str "" or why not */
	K_ENDING,		/* []: u32 n, then n of: str addr of a contact, str fpr,
				 * u64 when this key ends, which was sealed to last: that
				 * within ENDING_DAYS, and this within a year */
	K_PART_FIND,		/* mem digest[32]: u32 n, str addr who have the letter */
	K_PART_KEEP,		/* mem digest[32], u32 n, str addr ...; no answer */
	K_DOOR,			/* str path of gpg-agent's socket, and a descriptor: see
				 * box_doors.h; no answer */

	/* front, crypt, plugin -> keeper: something has happened that plug-ins may
	 * want to know, in the account the session has logged in to; no answer */
	K_SENT,			/* u32 how (enum going), str Message-ID or "", u32 n, str
				 * addr ... (EVENT_ADDRS_MAX) */
	K_REFUSED,		/* u32 code (SMTP reply), str words, str Message-ID or "",
				 * u32 n, str addr ... */
	K_OPENED,		/* as M_END of FETCHED_ALL */
	K_KEY,			/* u32 account (UINT32_MAX: the session's), u32 is (enum
				 * key_is) */
	K_CHANGED,		/* u32 n, str addr ...: what is known of these has */
	K_ENDS,			/* crypt: u32 account, u64 as C_ENDS_AT */
	K_RENEWED,		/* crypt: u32 account, u64 until when its own key has now
				 * been made to last, str "", or why it could not be */
	K_LASTS,		/* crypt: str fpr of a key of somebody else, u64 when it
				 * ends; 0: never */
	/* plugin -> keeper */
	K_WATCH,		/* []: u32 there is a place / fd: K_EVENT comes from there */
	/* keeper -> plugin, over that */
	K_EVENT,		/* u32 what (enum event), u64 unix time, str account or "",
				 * then
				 * sent: u32 how, str Message-ID, u32 n, str addr ...
				 * refused: u32 code, str words, and the same
				 * opened: str text of the verdict, str Message-ID
				 * error: u32 kind (enum session_kind), str words
				 * recipients: u32 n, str addr ...
				 * lost: u32 how many
				 * key-ends: u32 days
				 * key-renewed: u64 until when
				 * contact-key-ends: str addr, u32 days */
	K_ANSWER
};

enum asking {			/* for the passphrase of a locked key? */
	ASK_NOT,
	ASK_SIGN,		/* of the key that signs */
	ASK_ALL			/* and then of that which opens */
};
enum key_is {
	KEY_IS_ASKED,		/* its passphrase is being asked for */
	KEY_IS_LOCKED,		/* and was wanted */
	KEY_IS_OPEN		/* it was used */
};
enum event {
	EVENT_SENT, EVENT_REFUSED, EVENT_OPENED, EVENT_KEY_NEEDED, EVENT_LOCKED,
	EVENT_UNLOCKED, EVENT_ERROR, EVENT_RECIPIENTS, EVENT_LOST,
	EVENT_KEY_ENDS, EVENT_KEY_RENEWED, EVENT_CONTACT_KEY_ENDS
};
enum {
	EVENT_ADDRS_MAX = 50,	/* that are named */
	EVENT_WORDS_MAX = 2000,	/* octets, with the NUL */
	EVENT_ID_MAX = 1000
};
enum {
	ENDING_DAYS = 30,	/* before a key of a contact ends that is told */
	ENDING_MAX = 100	/* of them */
};
enum { GOSSIP_PEOPLE_MAX = 50 };	/* whose keys go along with a letter */
enum key_flag {
	KEY_FLAG_SECRET = 1, KEY_FLAG_USABLE = 2, KEY_FLAG_VALID = 4,
	KEY_FLAG_REVOKED = 8, KEY_FLAG_EXPIRED = 16
};
enum key_from { KEY_FROM_KEYRING, KEY_FROM_AUTOCRYPT, KEY_FROM_GOSSIP, KEY_FROM_WKD,
	KEY_FROM_IMPORT };
enum looked {
	LOOKED_NOT,		/* or it has not ended yet */
	LOOKED_FOUND,
	LOOKED_NONE,		/* who would know has none */
	LOOKED_FAILED		/* could not look, or took too long */
};
enum lookup {			/* any of */
	LOOKUP_WAIT = 1,	/* for LOOKUP_WAIT_MS at most, else not at all */
	LOOKUP_ANEW = 2		/* also where none was found before */
};
enum { LOOKUP_ADDRS_MAX = 20, LOOKUP_WAIT_MS = 3000 };
enum contact_set { SET_READABLE = 1, SET_POLICY = 2, SET_JUDGED = 4 };
enum session_kind { SESSION_SMTP, SESSION_POP3, SESSION_PLUGIN };
enum { PEER_MAX = 64 };		/* octets of a peer's name, with its NUL */
enum secret_found {
	SECRET_OK,
	SECRET_WRONG_TOKEN,
	SECRET_FAILED		/* the command did: words say how */
};
enum held {			/* why a letter can't be handed over now */
	HELD_NOT,
	HELD_LOCKED,		/* the key is locked */
	HELD_BROKEN		/* no memory, no disk */
};
enum spool_name { SPOOL_RAW, SPOOL_CLEAR };
enum raw {
	RAW_MALFORMED,		/* sealed, but not in the one right form */
	RAW_SEALED,
	RAW_CLEAR		/* not sealed at all */
};

enum outcome {
	DONE_OK,
	DONE_REFUSED,		/* the provider's (or our) no, for this command */
	DONE_DENIED,		/* wrong user or password */
	DONE_UNREACHABLE,	/* no connection, no TLS, no answer: words say which */
	DONE_LOST,		/* the connection broke or was dropped by us */
	DONE_LOCKED,		/* the key is locked and nobody unlocked it */
	DONE_FAILED		/* something of ours failed: words say what */
};

enum unreachable {
	UNREACHED_NO_ROUTE,	/* no connection at all */
	UNREACHED_NO_SESSION,	/* the words say why */
	UNREACHED_NO_PROOF	/* neither; and it was asked by SCRAM to prove that it
				 * knows the password and did not: it must not be
				 * given it now by a weaker login */
};

/* What a letter to be sent is already. */
enum form {
	FORM_OTHER,
	FORM_SIGNED,		/* multipart/signed */
	FORM_SEALED,		/* PGP/MIME; coming in also inline */
	FORM_SMIME		/* enveloped by S/MIME */
};
/* How it goes. */
enum going {
	GOES_CLEAR,		/* as it came */
	GOES_SEALED,
	GOES_SIGNED,		/* signed only */
	GOES_PASSED		/* sealed already: as it came, or not at all */
};

enum fetched {
	FETCHED_ALL,		/* by RETR: to be opened and handed over whole */
	FETCHED_FOR_TOP,	/* by RETR: its header and that many lines */
	FETCHED_TOP,		/* by TOP: what there is, no claim for a sealed one */
	FETCHED_AHEAD,		/* by RETR, before the client asked: kept until M_SEND or
				 * M_DROP */
	FETCHED_BEFORE,		/* perhaps handed over once and stored: answered by
				 * M_CHECKED if there is a verdict, else as ALL */
	FETCHED_STORED,		/* as a mail program stored it, by a plug-in: nothing is
				 * said before all of it was taken, then M_CHECKED with
				 * its new verdict, and as ALL */
	FETCHED_VERDICT,	/* the same, but nothing is opened: M_CHECKED if there
				 * is a verdict, else M_FORM */
	FETCHED_SENDER		/* the header block alone of one: M_SENDER */
};
enum sender_is {			/* of a letter that lies somewhere */
	SENDER_UNREAD,		/* nobody alone, or the block can't be read */
	SENDER_PASSED,		/* a machine, or it is a report: nothing is learnt */
	SENDER_NO_KEY,
	SENDER_KEY
};
enum learnt {
	LEARNT_NEW,		/* it is the address's now; of one that is judged: it is
				 * fit, and was not known */
	LEARNT_KNOWN,
	LEARNT_OLDER,		/* a later letter is known */
	LEARNT_UNFIT		/* not for this address, ended, nothing for sealing ... */
};
enum addr_field { FIELD_FROM, FIELD_TO };	/* FIELD_TO: To and Cc */
enum wish { WISH_NONE, WISH_NO, WISH_YES };	/* X-Letterlock: */
enum mail_flag { MAIL_8BIT = 1, MAIL_UTF8 = 2 };
enum provider_flag { HAS_8BIT = 1, HAS_UTF8 = 2 };

#endif
