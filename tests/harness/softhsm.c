/* A PKCS#11 module around SoftHSM that behaves as one reader: it holds the card whose label stands in a file, counts wrong
 * PINs as a card does, and locks at the third; SoftHSM never does. Only for tests; tests/harness/softhsm.rs makes the
 * folder (CARD_LAB) and names the library (CARD_LAB_LIBRARY).
 *
 *   present       the label of the card in the reader; none where it is not there
 *   wrong.LABEL   so many wrong PINs, one byte each
 *   pad           the reader has a pad, on which this is typed ("cancel": the red key)
 *   hang          every look at the card waits while this is there
 *   log           a line a C_Login and C_Logout */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
enum { SLOT = 7, TRIES = 3 };
enum { OK = 0, SLOT_ID_INVALID = 3, CANCELED = 0x50, PIN_INCORRECT = 0xA0, PIN_LOCKED = 0xA4, NOT_PRESENT = 0xE0 };
enum { PAD = 0x100, COUNT_LOW = 0x10000, FINAL_TRY = 0x20000, LOCKED = 0x40000 };
/* The places of the functions in a list of version 2. */
enum { GET_SLOT_LIST = 4, GET_SLOT_INFO, GET_TOKEN_INFO, OPEN_SESSION = 12, LOGIN = 18, LOGOUT, FUNCTIONS = 68 };

struct list { unsigned char major, minor; void *of[FUNCTIONS]; };
struct token {
    char label[32], maker[32], model[16], serial[16];
    ulong flags, sessions[4], pin_max, pin_min, memory[4];
    char versions[4], time[16];
};

static struct list real, ours;
#define REAL(place, ...) ((ulong(*)(__VA_ARGS__))real.of[place])

static char *path(const char *name, const char *of) {
    static char text[512];
    snprintf(text, sizeof text, "%s/%s%s", getenv("CARD_LAB"), name, of);
    return text;
}

/* The text of a file without its end of line; its length, or -1 where there is no file. */
static long said(const char *name, const char *of, char *text, size_t room) {
    FILE *file = fopen(path(name, of), "r");
    if (!file) return -1;
    size_t length = fread(text, 1, room - 1, file);
    fclose(file);
    text[length] = 0;
    text[strcspn(text, "\n")] = 0;
    return (long)length;
}

static void note(const char *name, const char *of, const char *text) {
    FILE *file = fopen(path(name, of), "a");
    if (file) fputs(text, file), fclose(file);
}

static char label[33];

/* The slot of the card that is there now; its token is told too. */
static int here(ulong *slot, struct token *token) {
    ulong slots[64], count = 64;
    while (access(path("hang", ""), F_OK) == 0) usleep(20000);
    if (said("present", "", label, sizeof label) <= 0) return 0;
    if (REAL(GET_SLOT_LIST, char, ulong *, ulong *)(1, slots, &count) != OK) return 0;
    for (ulong at = 0; at < count; at++) {
        if (REAL(GET_TOKEN_INFO, ulong, struct token *)(slots[at], token) != OK) continue;
        size_t length = strlen(label);
        if (memcmp(token->label, label, length) == 0 && (length == 32 || token->label[length] == ' '))
            return *slot = slots[at], 1;
    }
    return 0;
}

static long wrong(void) {
    char text[64];
    long count = said("wrong.", label, text, sizeof text);
    return count < 0 ? 0 : count;
}

static ulong get_slot_list(char with_token, ulong *slots, ulong *count) {
    struct token token;
    ulong slot, there = here(&slot, &token) || !with_token;
    if (slots && there) slots[0] = SLOT;
    return *count = there, OK;
}

static ulong get_slot_info(ulong slot, void *info) {
    struct token token;
    if (slot != SLOT) return SLOT_ID_INVALID;
    return here(&slot, &token) ? REAL(GET_SLOT_INFO, ulong, void *)(slot, info) : NOT_PRESENT;
}

static ulong get_token_info(ulong slot, struct token *token) {
    char typed[64];
    if (slot != SLOT) return SLOT_ID_INVALID;
    if (!here(&slot, token)) return NOT_PRESENT;
    long count = wrong();
    token->flags &= ~(ulong)(COUNT_LOW | FINAL_TRY | LOCKED | PAD);
    token->flags |= count == 0 ? 0 : count < TRIES - 1 ? COUNT_LOW : count < TRIES ? COUNT_LOW | FINAL_TRY : LOCKED;
    if (said("pad", "", typed, sizeof typed) > 0) token->flags |= PAD;
    /* As a citizen's card says. */
    return token->pin_min = 6, token->pin_max = 8, OK;
}

static ulong open_session(ulong slot, ulong flags, void *of, void *call, ulong *session) {
    struct token token;
    if (slot != SLOT) return SLOT_ID_INVALID;
    if (!here(&slot, &token)) return NOT_PRESENT;
    return REAL(OPEN_SESSION, ulong, ulong, void *, void *, ulong *)(slot, flags, of, call, session);
}

static ulong login(ulong session, ulong user, char *pin, ulong length) {
    char typed[64];
    if (!pin) {
        if (said("pad", "", typed, sizeof typed) <= 0) return PIN_INCORRECT;
        if (strcmp(typed, "cancel") == 0) return note("log", "", "cancel\n"), CANCELED;
        pin = typed, length = strlen(typed);
    }
    if (wrong() >= TRIES) return note("log", "", "locked\n"), PIN_LOCKED;
    ulong answer = REAL(LOGIN, ulong, ulong, char *, ulong)(session, user, pin, length);
    if (answer == PIN_INCORRECT) note("wrong.", label, "x");
    if (answer == OK) unlink(path("wrong.", label));
    return note("log", "", answer == OK ? "login\n" : "wrong\n"), answer;
}

static ulong logout(ulong session) {
    note("log", "", "logout\n");
    return REAL(LOGOUT, ulong)(session);
}

ulong C_GetFunctionList(struct list **list) {
    struct list *theirs;
    void *library = dlopen(getenv("CARD_LAB_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    ulong (*get)(struct list **) = library ? (ulong(*)(struct list **))dlsym(library, "C_GetFunctionList") : 0;
    if (!get || get(&theirs) != OK) return 5;
    real = ours = *theirs;
    ours.of[GET_SLOT_LIST] = get_slot_list;
    ours.of[GET_SLOT_INFO] = get_slot_info;
    ours.of[GET_TOKEN_INFO] = get_token_info;
    ours.of[OPEN_SESSION] = open_session;
    ours.of[LOGIN] = login;
    ours.of[LOGOUT] = logout;
    return *list = &ours, OK;
}
