/* SPDX-License-Identifier: MIT */
#include "bench/common/films.h"

#include "lib/base/hash.h"

#include <string.h>

#define CHOICES 8

/* What films of a tag are about. */
typedef struct Theme {
    const char *tag;
    const char *plots[3];
} Theme;

static const Theme themes[] = {
    {"sci-fi",
     {"repairs an ageing spaceship beside a stubborn robot", "meets an alien in a lunar colony",
      "travels through time to stop an experiment"}},
    {"based on a book",
     {"inherits the letters of a famous novelist", "lives the story of a best-selling novel",
      "guards the last manuscript of a library"}},
    {"comedy",
     {"ruins a wedding with one hilarious lie after the other", "runs the worst hotel of the coast",
      "must share a flat with a former boss"}},
    {"action",
     {"has one night to rescue the hostages from a skyscraper", "races across the desert with stolen gold",
      "fights the cartel that destroyed a village"}},
    {"twist ending",
     {"finds that nobody in the hotel is who they seem", "hunts a killer through forgotten memories",
      "receives messages from a passenger who vanished"}},
    {"dystopia",
     {"hides a child from a totalitarian regime", "works in a city where books are forbidden",
      "wins a lottery that nobody survives"}},
    {"dark comedy",
     {"buries the wrong body and laughs at the funeral", "sells insurance to contract killers",
      "plans the perfect murder and bungles it"}},
    {"classic",
     {"waits for an old lover in a foggy harbour", "rides home after the civil war",
      "sings in a nightclub while the war draws near"}},
    {"psychology",
     {"treats a patient whose nightmares come true", "loses grip on reality after an accident",
      "confronts an obsession in an empty asylum"}},
    {"fantasy",
     {"learns magic from a dragon in exile", "must carry a cursed sword to the sea of elves",
      "finds a door to an enchanted kingdom"}},
    {"romance",
     {"falls in love with a rival", "meets a first love again after twenty years",
      "writes love letters for a shy friend"}},
    {"thought-provoking",
     {"asks what a machine may remember", "debates the meaning of life with a dying philosopher",
      "must choose which of two strangers will live"}},
    {"social commentary",
     {"leads a strike against the mine's owners", "exposes the corruption of the police",
      "moves from the slums into a rich man's house"}},
    {"violence",
     {"takes bloody revenge on a gang", "survives a brutal prison riot",
      "is drawn into the war between two mafia families"}},
    {"true story",
     {"crosses the Antarctic in 1914", "uncovers the scandal that brought down a president",
      "becomes the first woman to fly the mail"}},
};

static const char *const heroes[CHOICES] = {"A tired detective", "A retired soldier",    "A young pianist",
                                            "An orphaned thief", "A shy student",        "A widowed teacher",
                                            "A corrupt judge",   "An ambitious reporter"};
static const char *const settings[CHOICES] = {
    "in a small town by the sea", "in New York during the Great Depression",
    "on a remote island",         "in a boarding school",
    "at the edge of the desert",  "during the Second World War",
    "in a haunted country house", "in the last days of summer"};
static const char *const turns[CHOICES] = {"but a childhood friend turns up with a secret",
                                           "while a ruthless businessman wants the same thing",
                                           "until a letter reveals what happened to a lost brother",
                                           "and must learn to trust a stranger before it is too late",
                                           "but the family will not forgive the past",
                                           "while a storm cuts off every road to the city",
                                           "until the police begin to ask questions",
                                           "and discovers that loyalty has a price"};
static const char *const names[CHOICES] = {"Marta",  "Ilya",  "Benedict", "Noor",
                                           "Viktor", "Salma", "Henrik",   "Lucia"};

/* A further choice from the same drawn number; the last one is used up. */
static uint64_t choose(uint64_t *drawn, uint64_t count)
{
    uint64_t choice = *drawn % count;
    *drawn /= count;
    return choice;
}

Film film_draw(Arena *arena, const char *user, uint64_t number)
{
    uint64_t taste = hash_bytes(user, strlen(user));
    uint64_t drawn = hash_bytes_seeded(&number, sizeof(number), taste);
    const Theme *theme = &themes[choose(&drawn, ARRAY_SIZE(themes))];
    const char *tag = theme->tag;
    if (choose(&drawn, 3) == 0)
        tag = themes[(taste >> 8 * choose(&drawn, 2)) % ARRAY_SIZE(themes)].tag;
    const char *plot = theme->plots[choose(&drawn, ARRAY_SIZE(theme->plots))];
    const char *hero = heroes[choose(&drawn, CHOICES)], *setting = settings[choose(&drawn, CHOICES)];
    const char *turn = turns[choose(&drawn, CHOICES)], *name = names[choose(&drawn, CHOICES)];
    const Theme *other = &themes[choose(&drawn, ARRAY_SIZE(themes))];
    return (Film){.description = arena_format(
                      arena, "%s %s %s, %s. Later %s %s, and chapter %lu of the story begins.", hero, plot,
                      setting, turn, name, other->plots[choose(&drawn, ARRAY_SIZE(other->plots))],
                      (unsigned long)number),
                  .tag = arena_copy(arena, tag, strlen(tag))};
}
