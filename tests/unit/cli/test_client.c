/* SPDX-License-Identifier: Apache-2.0 */
/* Does the client survive what an engine may send: parts of lines, errors, nonsense, silence, an end? */
#include "pretend.h"

struct heard {
    int n;
    char types[64];
};

static int hear(void *ctx, const char *type, json_t *payload)
{
    struct heard *h = ctx;
    h->n++;
    strncat(h->types, type, sizeof(h->types) - strlen(h->types) - 2);
    strcat(h->types, " ");
    cr_assert(json_is_object(payload));
    return 0;
}

static int ask(const struct engine *e, struct heard *h, struct trn_err *err)
{
    return trn_client_each(e->dir, json_pack("{s:s}", "ask", "status"), hear, h, err);
}

Test(client, lines_in_parts_and_several_in_one)
{
    ENGINE(e, "{\"type\":\"sta", "tus\",\"status\":{}}\n{\"type\":\"page\",\"text\":\"x\"}\n{\"type\":\"e", "nd\"}\n");
    struct heard h = {0};
    cr_assert_eq(ask(&e, &h, NULL), 0);
    cr_assert_str_eq(h.types, "status page ");
}

Test(client, an_error_keeps_message_hint_and_code)
{
    ENGINE(e, "{\"type\":\"error\",\"message\":\"no \\u001b story\",\"hint\":\"try\",\"code\":\"ENOENT\"}\n");
    struct heard h = {0};
    struct trn_err err = {0};
    cr_assert_eq(ask(&e, &h, &err), -ENOENT);
    cr_assert_str_eq(err.message, "no \\x1b story");
    cr_assert_str_eq(err.hint, "try");
}

Test(client, what_the_engine_would_not_read_is_not_sent)
{
    char name[70000];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    ENGINE(e, "{\"type\":\"end\"}\n");
    struct heard h = {0};
    struct trn_err err = {0};
    json_t *request = json_pack("{s:s, s:s}", "ask", "software", "name", name);
    cr_assert_eq(trn_client_each(e.dir, request, hear, &h, &err), -E2BIG);
    cr_assert(strstr(err.message, "the request is too long"), "%s", err.message);
}

Test(client, nonsense_is_an_error)
{
    const char *const lines[] = {"hello\n", "[]\n", "{}\n", "{\"type\":3}\n", "\n", "{\"type\":\"status\"\n"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lines); i++) {
        ENGINE(e, lines[i]);
        struct heard h = {0};
        struct trn_err err = {0};
        cr_assert_eq(ask(&e, &h, &err), -EPROTO, "%s", lines[i]);
        cr_assert(err.message[0]);
    }
}

Test(client, an_answer_that_breaks_off_is_an_error)
{
    ENGINE(e, "{\"type\":\"status\",\"status\":{}}\n");
    struct heard h = {0};
    struct trn_err err = {0};
    cr_assert_eq(ask(&e, &h, &err), -ECONNRESET);
    cr_assert_eq(h.n, 1);
    cr_assert(err.hint[0]);
}

Test(client, waiting_has_a_limit)
{
    ENGINE(e, "{\"type\":\"status\",", "\"status\":", "{}}\n");
    struct trn_client *c = NULL;
    const char *type;
    json_t *payload;
    cr_assert_eq(trn_client_open(e.dir, &c, NULL), 0);
    cr_assert_eq(trn_client_ask(c, json_pack("{s:s}", "ask", "watch"), NULL), 0);
    cr_assert_eq(trn_client_next(c, 1, &type, &payload, NULL), -ETIMEDOUT);
    cr_assert_eq(trn_client_next(c, 2000, &type, &payload, NULL), 1);
    cr_assert_str_eq(type, "status");
    trn_client_free(c);
}
