/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what PHP, Perl and PowerShell scripts can do, by the functions, modules and commands that they name outside of strings and
 * comments.
 * Must not: parse these languages: what is put together while they run, or stands in a regular expression with an odd quote, is not
 * seen.
 */
#include "artifact/feature_script.h"

#include <ctype.h>
#include <strings.h>

#define WORD_MAX 80u
#define MARK_MAX 40u
#define ENDLESS_MAX 16u

enum language { PHP, PERL, POWERSHELL };

static const struct trn_call_name php[] = {
    {"exec", "process"},
    {"shell_exec", "process"},
    {"system", "process"},
    {"passthru", "process"},
    {"popen", "process"},
    {"proc_open", "process"},
    {"pcntl_exec", "process"},
    {"curl_init", "network"},
    {"curl_exec", "network"},
    {"curl_multi_exec", "network"},
    {"fsockopen", "network"},
    {"pfsockopen", "network"},
    {"stream_socket_client", "network"},
    {"stream_socket_server", "network"},
    {"socket_create", "network"},
    {"socket_connect", "network"},
    {"ftp_connect", "network"},
    {"ssh2_connect", "network"},
    {"mail", "network"},
    {"eval", "code"},
    {"assert", "code"},
    {"create_function", "code"},
    {"base64_decode", "decode"},
    {"gzinflate", "decode"},
    {"gzuncompress", "decode"},
    {"gzdecode", "decode"},
    {"str_rot13", "decode"},
    {"hex2bin", "decode"},
    {"convert_uudecode", "decode"},
    {"dl", "native"},
    {"openssl_decrypt", "crypto"},
    {"openssl_encrypt", "crypto"},
    {"file_put_contents", "file-write"},
    {"fwrite", "file-write"},
    {"unlink", "file-write"},
    {"move_uploaded_file", "file-write"},
    {"chmod", "file-mode"},
    {"fopen", "file"},
    {"file_get_contents", "file"},
    {"readfile", "file"},
    {"getenv", "environment"},
    {"phpinfo", "environment"},
    {"php_uname", "environment"},
};

static const struct trn_call_name perl[] = {
    {"system", "process"},    {"exec", "process"},    {"qx", "process"},           {"open2", "process"},
    {"open3", "process"},     {"eval", "code"},       {"chmod", "file-mode"},      {"unlink", "file-write"},
    {"rename", "file-write"}, {"open", "file"},       {"decode_base64", "decode"}, {"unpack", "decode"},
    {"socket", "network"},    {"connect", "network"}, {"syscall", "native"},
};

static const struct trn_call_name perl_modules[] = {
    {"LWP", "network"},         {"HTTP::Tiny", "network"}, {"HTTP::Request", "network"}, {"IO::Socket", "network"},
    {"Net", "network"},         {"Socket", "network"},     {"WWW", "network"},           {"Mojo::UserAgent", "network"},
    {"MIME::Base64", "decode"}, {"Crypt", "crypto"},       {"IPC", "process"},           {"Win32::API", "native"},
    {"Inline", "native"},       {"FFI", "native"},
};

static const struct trn_call_name powershell[] = {
    /* in lower case */
    {"invoke-expression", "code"},
    {"iex", "code"},
    {"-encodedcommand", "code"},
    {"invoke-webrequest", "network"},
    {"iwr", "network"},
    {"invoke-restmethod", "network"},
    {"irm", "network"},
    {"start-bitstransfer", "network"},
    {"webclient", "network"},
    {"httpclient", "network"},
    {"tcpclient", "network"},
    {"downloadstring", "network"},
    {"downloadfile", "network"},
    {"wget", "network"},
    {"curl", "network"},
    {"curl.exe", "network"},
    {"frombase64string", "decode"},
    {"start-process", "process"},
    {"saps", "process"},
    {"cmd", "process"},
    {"cmd.exe", "process"},
    {"powershell", "process"},
    {"powershell.exe", "process"},
    {"rundll32", "process"},
    {"rundll32.exe", "process"},
    {"add-type", "native"},
    {"dllimport", "native"},
    {"new-service", "persist"},
    {"register-scheduledtask", "persist"},
    {"schtasks", "persist"},
    {"schtasks.exe", "persist"},
    {"new-localuser", "account"},
    {"add-localgroupmember", "account"},
    {"get-credential", "secret"},
    {"set-executionpolicy", "trust"},
    {"add-mppreference", "trust"},
    {"set-mppreference", "trust"},
    {"unblock-file", "trust"},
    {"import-certificate", "trust"},
    {"set-content", "file-write"},
    {"out-file", "file-write"},
    {"get-content", "file"},
};

struct words {
    struct trn_calls *c;
    struct trn_str text;
    enum language language;
    size_t at;
    char before;         /* last character that counts in front of the word; 0: none */
    struct trn_str last; /* the word in front of it */
    uint32_t endless;    /* here-texts whose end was not found: they were none */
};

static char at(const struct words *w, size_t i)
{
    return i < w->text.n ? w->text.p[i] : '\0';
}

static bool stands(const struct words *w, size_t i, const char *what)
{
    return trn_str_starts(trn_str_slice(w->text, i, strlen(what)), trn_str_of(what));
}

static size_t find(const struct words *w, size_t from, const char *what)
{
    size_t n = strlen(what);
    const char *p = from < w->text.n ? memmem(w->text.p + from, w->text.n - from, what, n) : NULL;
    return p ? (size_t)(p - w->text.p) + n : w->text.n;
}

static size_t line_end(const struct words *w, size_t from)
{
    return find(w, from, "\n");
}

/* Behind the quote that ends what begins at from. Perl's strings are taken to end in their line: an odd quote in a pattern would
 * else hide the rest. */
static size_t string_end(const struct words *w, size_t from)
{
    char quote = w->text.p[from], escape = w->language == POWERSHELL ? '`' : '\\';
    for (size_t i = from + 1; i < w->text.n; i++) {
        if (at(w, i) == escape && !(w->language == POWERSHELL && quote == '\''))
            i++;
        else if (at(w, i) == quote || (w->language == PERL && at(w, i) == '\n'))
            return i + 1;
    }
    return w->text.n;
}

/* <<<MARK of PHP, << MARK of Perl, @" of PowerShell: behind the text, 0 when none begins here. */
static size_t here_text_end(struct words *w, size_t from)
{
    char mark[MARK_MAX + 1];
    size_t i = from, n = 0;
    if (w->language == POWERSHELL)
        return stands(w, from, "@\"")  ? find(w, from + 2, "\n\"@")
               : stands(w, from, "@'") ? find(w, from + 2, "\n'@")
                                       : 0;
    if (!stands(w, from, w->language == PHP ? "<<<" : "<<"))
        return 0;
    i += w->language == PHP ? 3 : 2;
    while (at(w, i) == '~' || at(w, i) == '"' || at(w, i) == '\'' || (w->language == PHP && at(w, i) == ' '))
        i++;
    while (n < MARK_MAX && (isalnum((unsigned char)at(w, i)) || at(w, i) == '_'))
        mark[n++] = at(w, i++);
    mark[n] = '\0';
    if (n == 0 || isdigit((unsigned char)mark[0]) || w->endless >= ENDLESS_MAX)
        return 0;
    for (i = line_end(w, i); i < w->text.n; i = line_end(w, i)) {
        size_t k = i;
        while (at(w, k) == ' ' || at(w, k) == '\t')
            k++;
        if (stands(w, k, mark) && !isalnum((unsigned char)at(w, k + n)))
            return k + n;
    }
    w->endless++; /* a shift by a name ("1 <<BITS") hides nothing */
    return 0;
}

/* Behind a comment that begins here; 0: none does. */
static size_t comment_end(const struct words *w, size_t i)
{
    bool line_begins = i == 0 || at(w, i - 1) == '\n';
    if (w->language == PHP && stands(w, i, "?>"))
        return find(w, i, "<?");
    if (w->language == PHP && stands(w, i, "/*"))
        return find(w, i + 2, "*/");
    if (w->language == PHP && stands(w, i, "//"))
        return line_end(w, i);
    if (w->language == POWERSHELL && stands(w, i, "<#"))
        return find(w, i + 2, "#>");
    if (w->language == PERL && line_begins && at(w, i) == '=' && isalpha((unsigned char)at(w, i + 1)))
        return line_end(w, find(w, i, "\n=cut"));
    if (w->language == PERL && line_begins && (stands(w, i, "__END__") || stands(w, i, "__DATA__")))
        return w->text.n;
    bool variable = w->language == PERL && i && strchr("$@{", at(w, i - 1)); /* $#list */
    return at(w, i) == '#' && !variable && !(w->language == PHP && at(w, i + 1) == '[') ? line_end(w, i) : 0;
}

static bool is_of_word(const struct words *w, char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || (w->language == POWERSHELL && (ch == '-' || ch == '.')) ||
           (w->language == PERL && ch == ':');
}

static char next_counts(const struct words *w, size_t i)
{
    while (at(w, i) == ' ' || at(w, i) == '\t')
        i++;
    return at(w, i);
}

static void php_word(struct words *w, struct trn_str word, char next)
{
    const char *group = trn_call_group(word, php, TRN_ARRAY_SIZE(php));
    bool method = w->before == '>' || w->before == ':';
    if (group && next == '(' && !method && !TRN_ONE_OF(w->last, "function", "new"))
        trn_calls_tell(w->c, group, word, w->at);
}

static void perl_word(struct words *w, struct trn_str word, char next)
{
    if (TRN_ONE_OF(w->last, "use", "require")) {
        for (size_t i = 0; i < TRN_ARRAY_SIZE(perl_modules); i++) {
            size_t n = strlen(perl_modules[i].name);
            if (trn_str_starts(word, trn_str_of(perl_modules[i].name)) && (word.n == n || word.p[n] == ':'))
                trn_calls_tell(w->c, perl_modules[i].group, word, w->at);
        }
        return;
    }
    const char *group = trn_call_group(word, perl, TRN_ARRAY_SIZE(perl));
    bool named = w->before == '>' || w->before == '$' || w->before == '@' || w->before == '%' || w->before == '&' ||
                 (w->before == '{' && next == '}') || trn_str_eq_c(w->last, "sub");
    bool called = next && strchr("('\"$@[", next);
    if (trn_str_eq_c(word, "qx"))
        called = next && strchr("({/|!", next);
    else if (TRN_ONE_OF(word, "system", "exec"))
        called = called || next == '{';
    if (group && !named && called)
        trn_calls_tell(w->c, group, word, w->at);
    if (trn_str_eq_c(word, "ENV") && w->before == '$')
        trn_calls_tell(w->c, "environment", word, w->at);
}

static void powershell_word(struct words *w, struct trn_str word)
{
    char lower[WORD_MAX + 1];
    if (word.n > WORD_MAX || w->before == '$')
        return;
    for (size_t i = 0; i < word.n; i++)
        lower[i] = (char)tolower((unsigned char)word.p[i]);
    struct trn_str whole = {lower, word.n};
    const char *group = trn_call_group(whole, powershell, TRN_ARRAY_SIZE(powershell));
    ptrdiff_t dot = trn_str_rfind(whole, '.');
    if (!group && dot >= 0) /* System.Net.WebClient, $client.DownloadFile */
        group = trn_call_group(trn_str_slice(whole, (size_t)dot + 1, whole.n), powershell, TRN_ARRAY_SIZE(powershell));
    if (group)
        trn_calls_tell(w->c, group, word, w->at);
}

static void one_word(struct words *w)
{
    size_t end = w->at;
    while (end < w->text.n && is_of_word(w, w->text.p[end]))
        end++;
    struct trn_str word = trn_str_slice(w->text, w->at, end - w->at);
    char next = next_counts(w, end);
    if (w->language == PHP)
        php_word(w, word, next);
    else if (w->language == PERL)
        perl_word(w, word, next);
    else
        powershell_word(w, word);
    w->last = word;
    w->before = 'a';
    w->at = end;
}

/* ` is a command in PHP and Perl, and an escape in PowerShell. */
static void one_mark(struct words *w)
{
    char ch = w->text.p[w->at];
    bool quote = ch == '\'' || ch == '"' || (ch == '`' && w->language != POWERSHELL);
    if (ch == '`' && w->language != POWERSHELL)
        trn_calls_tell(w->c, "process", TRN_STR("`"), w->at);
    if (!isspace((unsigned char)ch)) {
        w->before = ch;
        w->last = TRN_STR_NONE;
    }
    w->at = quote ? string_end(w, w->at) : w->at + 1;
}

static bool language_of(struct trn_str name, struct trn_str head, enum language *ret)
{
    struct trn_str line = trn_str_slice(head, 0, 128);
    ptrdiff_t end = trn_str_find(line, '\n');
    bool runs = trn_str_starts(line, TRN_STR("#!"));
    line = trn_str_slice(line, 0, end < 0 ? line.n : (size_t)end);
    if ((runs && trn_str_contains(line, TRN_STR("php"))) || trn_str_starts(head, TRN_STR("<?php")) ||
        trn_str_ends(name, TRN_STR(".php")) || trn_str_ends(name, TRN_STR(".phtml")))
        *ret = PHP;
    else if ((runs && trn_str_contains(line, TRN_STR("perl"))) || trn_str_ends(name, TRN_STR(".pl")) ||
             trn_str_ends(name, TRN_STR(".pm")))
        *ret = PERL;
    else if ((runs && trn_str_contains(line, TRN_STR("pwsh"))) || trn_str_ends(name, TRN_STR(".ps1")) ||
             trn_str_ends(name, TRN_STR(".psm1")))
        *ret = POWERSHELL;
    else
        return false;
    return true;
}

const char *trn_words_language(struct trn_str name, struct trn_str text)
{
    static const char *const names[] = {"php", "perl", "powershell"};
    enum language l;
    return language_of(name, text, &l) ? names[l] : NULL;
}

int trn_words_calls(struct trn_calls *c, struct trn_str name, struct trn_str text)
{
    struct words w = {.c = c, .text = text, .last = TRN_STR_NONE};
    if (!language_of(name, text, &w.language))
        return 0;
    if (w.language == PHP)
        w.at = trn_str_starts(text, TRN_STR("#!")) ? line_end(&w, 0) : find(&w, 0, "<?");
    while (c->error == 0 && w.at < text.n) {
        size_t behind = comment_end(&w, w.at);
        behind = behind ? behind : here_text_end(&w, w.at);
        char ch = text.p[w.at];
        if (behind)
            w.at = TRN_MAX(behind, w.at + 1);
        else if (isalpha((unsigned char)ch) || ch == '_' || (ch == '-' && w.language == POWERSHELL))
            one_word(&w);
        else
            one_mark(&w);
    }
    return c->error;
}
