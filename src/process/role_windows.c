/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what kind of program an image of Windows is ("C:/Windows/System32/cmd.exe"), for recordings of that system. By
 * name, in the system's own folder only, without regard to case. Must not own: lineage, or any reading of such logs.
 */
#include "process/internal.h"

bool trn_is_windows_path(struct trn_str path)
{
    return path.n > 3 && path.p[1] == ':' && path.p[2] == '/' &&
           ((path.p[0] >= 'A' && path.p[0] <= 'Z') || (path.p[0] >= 'a' && path.p[0] <= 'z'));
}

static bool among(struct trn_str names, struct trn_str name)
{
    struct trn_str one;
    while (trn_str_split(&names, ' ', &one))
        if (trn_glob(one, name, true))
            return true;
    return false;
}

/* Only an administrator writes there. */
static bool in_system(struct trn_str path)
{
    return trn_glob(TRN_STR("?:/windows/system32/*"), path, true) ||
           trn_glob(TRN_STR("?:/windows/syswow64/*"), path, true) || trn_glob(TRN_STR("?:/windows/*.exe"), path, true);
}

enum trn_border trn_windows_border(struct trn_str path)
{
    struct trn_str name = trn_path_base(path);
    if (!in_system(path))
        return TRN_BORDER_NONE;
    if (among(TRN_STR("winlogon.exe userinit.exe sshd.exe logonui.exe"), name))
        return TRN_BORDER_SESSION;
    if (among(TRN_STR("services.exe svchost.exe wininit.exe smss.exe wmiprvse.exe taskeng.exe"), name))
        return TRN_BORDER_SERVICE;
    return among(TRN_STR("explorer.exe"), name) ? TRN_BORDER_SOFT : TRN_BORDER_NONE;
}

enum trn_role trn_windows_role(struct trn_str path)
{
    struct trn_str name = trn_path_base(path);
    if (!in_system(path))
        return among(TRN_STR("pwsh.exe"), name) && trn_glob(TRN_STR("?:/program files/powershell/*"), path, true)
                   ? TRN_ROLE_SHELL
                   : TRN_ROLE_APPLICATION;
    if (trn_windows_border(path) != TRN_BORDER_NONE)
        return TRN_ROLE_BORDER;
    if (among(TRN_STR("cmd.exe powershell.exe powershell_ise.exe bash.exe wsl.exe"), name))
        return TRN_ROLE_SHELL;
    if (among(TRN_STR("wscript.exe cscript.exe mshta.exe rundll32.exe regsvr32.exe msbuild.exe installutil.exe"), name))
        return TRN_ROLE_INTERPRETER;
    return among(TRN_STR(
                     "whoami.exe ipconfig.exe net.exe net1.exe netstat.exe tasklist.exe taskkill.exe systeminfo.exe "
                     "nltest.exe quser.exe query.exe qwinsta.exe hostname.exe arp.exe route.exe ping.exe tracert.exe "
                     "nslookup.exe reg.exe sc.exe schtasks.exe wmic.exe certutil.exe bitsadmin.exe curl.exe tar.exe "
                     "findstr.exe find.exe where.exe xcopy.exe robocopy.exe conhost.exe timeout.exe attrib.exe "
                     "icacls.exe takeown.exe cmdkey.exe klist.exe netsh.exe ssh.exe scp.exe sort.exe more.com "
                     "chcp.com tree.com wevtutil.exe vssadmin.exe"),
                 name)
               ? TRN_ROLE_TOOL
               : TRN_ROLE_APPLICATION;
}
