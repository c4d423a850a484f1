# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile of Thunderbird with one account on loopback, which asks nothing,
shows no page of its own, and never looks for anything on the network."""
import json
import os

from . import write

QUIET = {
    # first start
    "app.donation.eoy.version.viewed": 999,
    "browser.shell.checkDefaultBrowser": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.inappnotifications.url": "",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.override": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    # while it runs
    "mail.SpellCheckBeforeSend": False,
    "mail.biff.play_sound": False,
    "mail.biff.show_alert": False,
    "mail.compose.attachment_reminder": False,
    "mailnews.message_warning_size": 1 << 30,
    "mail.purge.ask": False,
    "mail.warn_on_send_accel_key": False,
    # the network
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.usage.uploadEnabled": False,
    "extensions.blocklist.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    "toolkit.telemetry.unified": False,
    # whatever else there is: HTTP ends at a port that nobody listens on
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    # the remote control; 0: a free port, told in MarionetteActivePort
    "marionette.port": 0,
}


def account(folder, address, name, smtp, pop3=9, password=False):
    """Local folders and an identity that sends to this port and fetches from
    that, without TLS, and with a password or none (to send)."""
    pop, local = (os.path.join(folder, "Mail", d) for d in ("pop", "Local"))
    os.makedirs(pop, exist_ok=True)
    os.makedirs(local, exist_ok=True)
    return {
        "mail.accountmanager.accounts": "account1,account2",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.accountmanager.localfoldersserver": "server2",
        "mail.account.account1.server": "server1",
        "mail.account.account1.identities": "id1",
        "mail.account.account2.server": "server2",
        "mail.account.lastKey": 2,
        "mail.server.server1.type": "pop3",
        "mail.server.server1.hostname": "127.0.0.1",
        "mail.server.server1.port": pop3,
        "mail.server.server1.authMethod": 3,    # by password
        "mail.server.server1.userName": address,
        "mail.server.server1.name": address,
        "mail.server.server1.directory": pop,
        "mail.server.server1.directory-rel": "[ProfD]Mail/pop",
        "mail.server.server1.login_at_startup": False,
        "mail.server.server1.check_new_mail": False,
        "mail.server.server2.type": "none",
        "mail.server.server2.hostname": "Local Folders",
        "mail.server.server2.userName": "nobody",
        "mail.server.server2.name": "Local Folders",
        "mail.server.server2.directory": local,
        "mail.server.server2.directory-rel": "[ProfD]Mail/Local",
        "mail.identity.id1.fullName": name,
        "mail.identity.id1.useremail": address,
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.valid": True,
        "mail.identity.id1.compose_html": False,
        "mail.identity.id1.fcc": False,
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.hostname": "127.0.0.1",
        "mail.smtpserver.smtp1.port": smtp,
        "mail.smtpserver.smtp1.username": address,
        "mail.smtpserver.smtp1.try_ssl": 0,         # plain
        "mail.smtpserver.smtp1.authMethod": 3 if password else 1,
    }


def make(folder, prefs):
    os.makedirs(folder, 0o700, exist_ok=True)
    text = "".join("user_pref(%s, %s);\n" % (json.dumps(k), json.dumps(v))
                   for k, v in sorted(dict(QUIET, **prefs).items()))
    for f in ("user.js", "prefs.js"):
        path = os.path.join(folder, f)
        if f == "user.js" or not os.path.exists(path):  # its own by then
            write(path, text)
    return folder
