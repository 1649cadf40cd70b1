#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make.py: writes the four recorded streams of this folder anew. All of it is made up."""
import datetime
import hashlib
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
START = datetime.datetime(2026, 11, 2, 8, 0, 0)
PRODUCT, COMPANY, OLD, NEW = "Acme Desktop App", "Acme Ltd", "18.11.1213", "18.12.416"
DAY, HOUR, MINUTE = 86400, 3600, 60
TYPED = (0, 3.1, 5.3, 9.6, 12.8)  # seconds: a person's commands come at no regular times


class Sysmon:
    """Flat records, as NXLog and OTRF have them."""

    APP = "C:\\Program Files\\Acme Desktop App\\AcmeDesktopApp.exe"
    MEDIA = "C:\\Program Files\\Acme Desktop App\\AcmeMedia.dll"
    UPDATER = "C:\\Program Files\\Acme Desktop App\\AcmeUpdate.exe"
    SYSTEM = "C:\\Windows\\System32\\"
    TEMP = "C:\\Users\\alice\\AppData\\Local\\Temp\\"

    def __init__(self):
        self.records, self.images, self.next_pid = [], {}, 1000

    def put(self, at, event, pid, **fields):
        when = START + datetime.timedelta(seconds=at)
        record = {
            "EventID": event, "SourceName": "Microsoft-Windows-Sysmon",
            "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "desk7.acme.test",
            "UtcTime": when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03}",
            "ProcessGuid": self.guid(pid), "ProcessId": str(pid), "Image": self.images[pid], "User": "DESK7\\alice",
        }
        self.records.append((at, record | fields))

    @staticmethod
    def guid(pid):
        return f"{{d35c0007-0000-0000-0000-{pid:012x}}}"

    @staticmethod
    def hashes(path, version):
        return "SHA256=" + hashlib.sha256(f"made up: {path} {version}".encode()).hexdigest().upper()

    def start(self, at, parent, image, line, product="-", version="-"):
        self.next_pid += 4
        pid = self.next_pid
        self.images[pid] = image
        self.put(at, 1, pid, Product=product, FileVersion=version, Company=COMPANY if product == PRODUCT else "-",
                 CommandLine=line, CurrentDirectory="C:\\Users\\alice\\", Hashes=self.hashes(image, version),
                 ParentProcessGuid=self.guid(parent), ParentProcessId=str(parent), ParentImage=self.images[parent])
        return pid

    def load(self, at, pid, path, version, signed):
        self.put(at, 7, pid, ImageLoaded=path, Product=PRODUCT if signed else "-", FileVersion=version if signed else "-",
                 Company=COMPANY if signed else "-", Hashes=self.hashes(path, version),
                 Signed="true" if signed else "false", Signature=COMPANY if signed else "-",
                 SignatureStatus="Valid" if signed else "Unavailable")

    def talk(self, at, pid, name, address, ask=True):
        if ask:
            self.put(at, 22, pid, QueryName=name, QueryStatus="0", QueryResults=f"::ffff:{address};")
        self.put(at + 0.1, 3, pid, Protocol="tcp", Initiated="true", SourceIp="192.0.2.20",
                 SourcePort=str(50000 + int(at) % 9999), DestinationIp=address, DestinationPort="443",
                 DestinationHostname="-")

    def app(self, at, version):
        pid = self.start(at, 900, self.APP, f'"{self.APP}"', PRODUCT, version)
        self.load(at + 0.1, pid, self.APP, version, True)
        self.load(at + 0.3, pid, self.MEDIA, version, True)
        return pid

    def usual(self, at, pid, hours):
        for hour in range(hours):
            self.talk(at + hour * HOUR, pid, "sip.acme.test", "192.0.2.10", ask=hour % 4 == 0)

    def update(self, at):
        """The updater fetches an installer; the system's installer service writes the files."""
        pid = self.start(at, 900, self.UPDATER, f'"{self.UPDATER}" /check', PRODUCT, OLD)
        self.load(at + 0.1, pid, self.UPDATER, OLD, True)
        self.talk(at + 1, pid, "updates.acme.test", "192.0.2.11")
        self.put(at + 9, 11, pid, TargetFilename=self.TEMP + f"AcmeDesktopApp-{NEW}.msi")
        client = self.start(at + 10, pid, self.SYSTEM + "msiexec.exe", f"msiexec.exe /i AcmeDesktopApp-{NEW}.msi /qn")
        service = self.start(at + 11, 600, self.SYSTEM + "msiexec.exe", "C:\\Windows\\System32\\msiexec.exe /V")
        for path in (self.APP, self.MEDIA, self.UPDATER):
            self.put(at + 13, 11, service, TargetFilename=path)
        for ended in (client, service, pid):
            self.put(at + 20, 5, ended)

    def turn(self, at, pid):
        """A week after the update: orders from a raw code host, a second stage, looking around."""
        self.talk(at, pid, "raw.codehost.test", "192.0.2.77")
        for i in range(24):
            self.talk(at + 10 + i * 5 * MINUTE, pid, "media-cdn.test", "192.0.2.90", ask=i == 0)
        self.put(at + 2 * HOUR, 11, pid, TargetFilename=self.TEMP + "acmecodec64.dll")
        self.load(at + 2 * HOUR + 2, pid, self.TEMP + "acmecodec64.dll", "-", False)
        self.put(at + 2 * HOUR + 60, 11, pid, TargetFilename=self.TEMP + "acmesync.exe")
        helper = self.start(at + 2 * HOUR + 63, pid, self.TEMP + "acmesync.exe", "acmesync.exe -q")
        self.put(at + 2 * HOUR + 70, 11, helper, TargetFilename=self.TEMP + "Login Data.copy")
        shell = self.start(at + 2 * HOUR + 80, helper, self.SYSTEM + "cmd.exe", "cmd.exe /d /c look")
        for i, line in enumerate(("whoami /all", "ipconfig /all", "tasklist /v", "net view", "systeminfo")):
            tool, when = self.SYSTEM + line.split()[0] + ".exe", at + 2 * HOUR + 82 + TYPED[i]
            ended = self.start(when, shell, tool, line)
            self.put(when + 0.4, 5, ended)
        self.talk(at + 2 * HOUR + 120, helper, "media-cdn.test", "192.0.2.90", ask=False)

    def days(self, turns):
        self.images.update({600: self.SYSTEM + "services.exe", 900: "C:\\Windows\\explorer.exe"})
        old = self.app(0, OLD)
        self.usual(60, old, 9)
        self.put(10 * HOUR, 5, old)
        self.update(DAY)
        new = self.app(DAY + 60, NEW)
        for day in range(1, 9):
            self.usual(day * DAY + 2 * MINUTE, new, 9)
        if turns:
            self.turn(8 * DAY + 3 * HOUR + 7 * MINUTE, new)
        return self.records


class Eslogger:
    """One object a record; schema 1. No network, no version."""

    APP = "/Applications/Acme Desktop App.app/Contents/MacOS/Acme Desktop App"
    MEDIA = "/Applications/Acme Desktop App.app/Contents/Frameworks/libacmemedia.dylib"
    CACHE = "/Users/alice/Library/Application Support/Acme Desktop App/"
    CHROME = "/Users/alice/Library/Application Support/Google/Chrome/Default/"
    SCRATCH = "/private/tmp/"

    def __init__(self):
        self.records, self.processes, self.inodes, self.next_pid = [], {}, {}, 400

    def file(self, path):
        inode, ctime = self.inodes.setdefault(path, (len(self.inodes) + 9000, 0))
        when = (START + datetime.timedelta(seconds=ctime)).isoformat() + "Z"
        return {"path": path, "path_truncated": False, "stat": {"st_dev": 16777232, "st_ino": inode, "st_ctimespec": when}}

    def process(self, pid):
        path, started, parent = self.processes[pid]
        ours, system = "Acme" in path and path.startswith("/Applications"), path.startswith(("/bin/", "/usr/", "/sbin/"))
        return {
            "audit_token": {"pid": pid, "pidversion": pid * 3, "ruid": 501, "euid": 501, "rgid": 20},
            "start_time": (START + datetime.timedelta(seconds=started)).isoformat() + "Z", "ppid": parent,
            "executable": self.file(path), "is_platform_binary": system, "team_id": "ACME000000" if ours else None,
            "signing_id": "test.acme.desktop" if ours else os.path.basename(path), "session_id": pid, "tty": None,
        }

    def put(self, at, pid, kind, number, event):
        when = (START + datetime.timedelta(seconds=at)).isoformat(timespec="microseconds") + "Z"
        self.records.append((at, {"schema_version": 1, "event_type": number, "time": when, "mach_time": int(at * 1e9),
                                  "process": self.process(pid), "event": {kind: event}}))

    def start(self, at, parent, path, *args):
        self.next_pid += 1
        pid = self.next_pid
        self.processes[pid] = (self.processes[parent][0], at, parent)
        self.put(at, parent, "fork", 11, {"child": self.process(pid)})
        before = self.processes[pid]
        self.processes[pid] = (path, at, parent)
        target = self.process(pid)
        self.processes[pid] = before
        self.put(at + 0.01, pid, "exec", 9, {"target": target, "args": list(args), "script": None, "cwd": {"path": "/"}})
        self.processes[pid] = (path, at, parent)
        return pid

    def write(self, at, pid, path):
        self.inodes[path] = (self.inodes.get(path, (len(self.inodes) + 9000, 0))[0], at)
        self.put(at, pid, "close", 12, {"modified": True, "target": self.file(path)})

    def days(self, turns):
        self.processes[1] = ("/sbin/launchd", 0, 0)
        app = self.start(10, 1, self.APP, self.APP)
        self.put(11, app, "mmap", 19, {"protection": 5, "source": self.file(self.MEDIA)})
        for hour in range(9):
            self.put(60 + hour * HOUR, app, "open", 10, {"fflag": 1, "file": self.file(self.CACHE + "settings.json")})
            self.write(61 + hour * HOUR, app, self.CACHE + "calls.db")
        if turns:
            at = 10 * HOUR
            self.write(at, app, self.CACHE + "UpdateAgent")
            agent = self.start(at + 5, app, self.CACHE + "UpdateAgent", "UpdateAgent")
            self.write(at + 8, app, self.SCRATCH + "acmecodec.dylib")
            self.put(at + 9, app, "mmap", 19, {"protection": 5, "source": self.file(self.SCRATCH + "acmecodec.dylib")})
            for i, name in enumerate(("Login Data", "Cookies", "History")):
                self.put(at + 20 + i, app, "open", 10, {"fflag": 1, "file": self.file(self.CHROME + name)})
            shell = self.start(at + 60, agent, "/bin/sh", "sh", "-c", "look")
            for i, line in enumerate(("id", "sw_vers", "ifconfig -a", "ps aux")):
                self.start(at + 61 + TYPED[i], shell, "/usr/bin/" + line.split()[0], *line.split())
        return self.records


def main():
    for name, kind in (("sysmon", Sysmon), ("eslogger", Eslogger)):
        for end, turns in (("chain", True), ("benign", False)):
            records = sorted(kind().days(turns), key=lambda r: r[0])
            with open(os.path.join(HERE, f"{name}-{end}.jsonl"), "w", encoding="utf-8") as out:
                out.writelines(json.dumps(record) + "\n" for _, record in records)


if __name__ == "__main__":
    main()
