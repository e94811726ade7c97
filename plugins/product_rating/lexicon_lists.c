/* SPDX-License-Identifier: MIT */
#include "lexicon.h"

static const AspectWord aspect_nouns_words[] = {
    /* clang-format off */
    {"accuracy", FUNCTION}, {"acoustics", SOUND}, {"acting", ACTING}, {"action", ACTION},
    {"actor", ACTING}, {"actors", ACTING}, {"actress", ACTING}, {"actresses", ACTING},
    {"aftertaste", TASTE}, {"ambiance", ATMOSPHERE}, {"ambience", ATMOSPHERE},
    {"amusement", ENTERTAINMENT}, {"animation", VISUALS}, {"appearance", LOOK}, {"aroma", SMELL},
    {"arrival", DELIVERY}, {"assembly", USE}, {"atmosphere", ATMOSPHERE}, {"audio", SOUND},
    {"authenticity", CREDIBILITY}, {"banter", DIALOGUE}, {"bargain", PRICE}, {"batteries", BATTERY},
    {"battery", BATTERY}, {"battery-life", BATTERY}, {"believability", CREDIBILITY}, {"biopic", WHOLE},
    {"buck", PRICE}, {"build", QUALITY}, {"buy", WHOLE}, {"camerawork", VISUALS}, {"cast", ACTING},
    {"casting", ACTING}, {"cgi", VISUALS}, {"character", CHARACTERS}, {"characterization", CHARACTERS},
    {"characterizations", CHARACTERS}, {"characters", CHARACTERS}, {"chase", ACTION},
    {"chills", SUSPENSE}, {"cinematography", VISUALS}, {"climax", ENDING}, {"color", COLOR},
    {"colors", COLOR}, {"colour", COLOR}, {"colours", COLOR}, {"comedic", HUMOR}, {"comedy", HUMOR},
    {"comfort", COMFORT}, {"conclusion", ENDING}, {"construction", QUALITY}, {"cost", PRICE},
    {"costs", PRICE}, {"costumes", VISUALS}, {"craftsmanship", QUALITY}, {"creativity", ORIGINALITY},
    {"credibility", CREDIBILITY}, {"customer-service", SERVICE}, {"deal", PRICE}, {"delivery", DELIVERY},
    {"denouement", ENDING}, {"depth", IDEAS}, {"design", DESIGN}, {"dialog", DIALOGUE},
    {"dialogue", DIALOGUE}, {"dialogues", DIALOGUE}, {"dimensions", SIZE}, {"directing", DIRECTION},
    {"direction", DIRECTION}, {"directions", INSTRUCTIONS}, {"director", DIRECTION},
    {"diversion", ENTERTAINMENT}, {"documentary", WHOLE}, {"dollar", PRICE}, {"durability", DURABILITY},
    {"ease", USE}, {"effectiveness", FUNCTION}, {"effects", VISUALS}, {"efficiency", FUNCTION},
    {"emotion", EMOTION}, {"emotional", EMOTION}, {"emotions", EMOTION}, {"ending", ENDING},
    {"enjoyment", ENTERTAINMENT}, {"ensemble", ACTING}, {"entertainment", ENTERTAINMENT},
    {"expense", PRICE}, {"experience", WHOLE}, {"fabric", QUALITY}, {"feature", WHOLE}, {"feel", COMFORT},
    {"feeling", EMOTION}, {"fight", ACTION}, {"fights", ACTION}, {"film", WHOLE},
    {"filmmaker", DIRECTION}, {"filmmakers", DIRECTION}, {"filmmaking", DIRECTION}, {"finale", ENDING},
    {"finish", QUALITY}, {"fit", SIZE}, {"flavor", TASTE}, {"flavors", TASTE}, {"flavour", TASTE},
    {"flick", WHOLE}, {"fragrance", SMELL}, {"freshness", ORIGINALITY}, {"fun", ENTERTAINMENT},
    {"function", FUNCTION}, {"functionality", FUNCTION}, {"gag", HUMOR}, {"gags", HUMOR}, {"gift", WHOLE},
    {"heart", EMOTION}, {"height", SIZE}, {"helmer", DIRECTION}, {"hero", CHARACTERS},
    {"heroine", CHARACTERS}, {"hue", COLOR}, {"humor", HUMOR}, {"humour", HUMOR}, {"idea", IDEAS},
    {"ideas", IDEAS}, {"imagery", VISUALS}, {"images", VISUALS}, {"imagination", ORIGINALITY},
    {"ingenuity", ORIGINALITY}, {"innovation", ORIGINALITY}, {"insight", IDEAS}, {"insights", IDEAS},
    {"installation", USE}, {"instruction", INSTRUCTIONS}, {"instructions", INSTRUCTIONS},
    {"intelligence", IDEAS}, {"interface", DESIGN}, {"invention", ORIGINALITY},
    {"inventiveness", ORIGINALITY}, {"item", WHOLE}, {"joke", HUMOR}, {"jokes", HUMOR}, {"laugh", HUMOR},
    {"laughs", HUMOR}, {"layout", DESIGN}, {"length", SIZE}, {"lifespan", DURABILITY},
    {"lines", DIALOGUE}, {"longevity", DURABILITY}, {"look", LOOK}, {"looks", LOOK},
    {"manual", INSTRUCTIONS}, {"material", QUALITY}, {"materials", QUALITY}, {"message", IDEAS},
    {"momentum", PACING}, {"money", PRICE}, {"mood", ATMOSPHERE}, {"movie", WHOLE}, {"music", MUSIC},
    {"narrative", STORY}, {"novelty", ORIGINALITY}, {"odor", SMELL}, {"odour", SMELL}, {"one", WHOLE},
    {"one-liners", DIALOGUE}, {"originality", ORIGINALITY}, {"pace", PACING}, {"pacing", PACING},
    {"package", PACKAGING}, {"packaging", PACKAGING}, {"packing", PACKAGING}, {"pathos", EMOTION},
    {"performance", ACTING}, {"performances", ACTING}, {"performer", ACTING}, {"performers", ACTING},
    {"photography", VISUALS}, {"picture", WHOLE}, {"piece", WHOLE}, {"plausibility", CREDIBILITY},
    {"plot", STORY}, {"plots", STORY}, {"plotting", STORY}, {"poignancy", EMOTION}, {"portrayal", ACTING},
    {"power", FUNCTION}, {"premise", STORY}, {"price", PRICE}, {"prices", PRICE}, {"pricing", PRICE},
    {"product", WHOLE}, {"product's", WHOLE}, {"prose", WRITING}, {"protagonist", CHARACTERS},
    {"purchase", WHOLE}, {"quality", QUALITY}, {"realism", CREDIBILITY}, {"reliability", FUNCTION},
    {"remake", WHOLE}, {"rhythm", PACING}, {"role", ACTING}, {"roles", ACTING}, {"running-time", PACING},
    {"runtime", PACING}, {"safety", SAFETY}, {"satire", IDEAS}, {"scare", SUSPENSE}, {"scares", SUSPENSE},
    {"scenery", VISUALS}, {"scent", SMELL}, {"score", MUSIC}, {"screenplay", WRITING},
    {"screenwriter", WRITING}, {"script", WRITING}, {"seller", SERVICE}, {"sentiment", EMOTION},
    {"sequel", WHOLE}, {"service", SERVICE}, {"set-up", USE}, {"setup", USE}, {"shade", COLOR},
    {"shipment", DELIVERY}, {"shipping", DELIVERY}, {"size", SIZE}, {"sizing", SIZE}, {"smell", SMELL},
    {"softness", COMFORT}, {"song", MUSIC}, {"songs", MUSIC}, {"soul", EMOTION}, {"sound", SOUND},
    {"soundtrack", MUSIC}, {"special-effects", VISUALS}, {"speed", FUNCTION}, {"staff", SERVICE},
    {"star", ACTING}, {"stars", ACTING}, {"stitching", QUALITY}, {"story", STORY}, {"storyline", STORY},
    {"storytelling", STORY}, {"stuff", WHOLE}, {"stunts", ACTION}, {"sturdiness", DURABILITY},
    {"style", LOOK}, {"styling", LOOK}, {"substance", IDEAS}, {"support", SERVICE},
    {"suspense", SUSPENSE}, {"tale", STORY}, {"taste", TASTE}, {"tempo", PACING}, {"tension", SUSPENSE},
    {"texture", TASTE}, {"theme", IDEAS}, {"themes", IDEAS}, {"thickness", SIZE}, {"thing", WHOLE},
    {"thrill", SUSPENSE}, {"thrills", SUSPENSE}, {"tone", SOUND}, {"tunes", MUSIC}, {"turn", ACTING},
    {"usability", USE}, {"value", PRICE}, {"vendor", SERVICE}, {"vibe", ATMOSPHERE},
    {"villain", CHARACTERS}, {"visual", VISUALS}, {"visuals", VISUALS}, {"volume", SOUND},
    {"warmth", EMOTION}, {"width", SIZE}, {"wit", HUMOR}, {"work", WHOLE}, {"workmanship", QUALITY},
    {"wrapping", PACKAGING}, {"writer", WRITING}, {"writers", WRITING}, {"writing", WRITING},
    /* clang-format on */
};

const AspectWords aspect_nouns = {aspect_nouns_words,
                                  sizeof(aspect_nouns_words) / sizeof(aspect_nouns_words[0])};

static const AspectWord aspect_participles_words[] = {
    /* clang-format off */
    {"acted", ACTING}, {"animated", VISUALS}, {"boxed", PACKAGING}, {"built", QUALITY}, {"cast", ACTING},
    {"constructed", QUALITY}, {"crafted", DIRECTION}, {"delivered", DELIVERY}, {"designed", DESIGN},
    {"directed", DIRECTION}, {"drawn", VISUALS}, {"edited", PACING}, {"engineered", DESIGN},
    {"filmed", VISUALS}, {"finished", QUALITY}, {"handled", DIRECTION}, {"helmed", DIRECTION},
    {"lensed", VISUALS}, {"lit", VISUALS}, {"made", QUALITY}, {"manufactured", QUALITY},
    {"paced", PACING}, {"packaged", PACKAGING}, {"packed", PACKAGING}, {"penned", WRITING},
    {"performed", ACTING}, {"photographed", VISUALS}, {"played", ACTING}, {"plotted", STORY},
    {"portrayed", ACTING}, {"priced", PRICE}, {"protected", PACKAGING}, {"put-together", QUALITY},
    {"rendered", VISUALS}, {"scored", MUSIC}, {"scripted", WRITING}, {"sewn", QUALITY},
    {"shipped", DELIVERY}, {"shot", VISUALS}, {"spoken", DIALOGUE}, {"staged", DIRECTION},
    {"stitched", QUALITY}, {"told", STORY}, {"wrapped", PACKAGING}, {"written", WRITING},
    /* clang-format on */
};

const AspectWords aspect_participles = {aspect_participles_words, sizeof(aspect_participles_words) /
                                                                      sizeof(aspect_participles_words[0])};

static const char *const common_verbs_words[] = {
    /* clang-format off */
    "accept", "achieve", "act", "add", "admit", "agree", "allow", "appear", "apply", "arrive", "ask",
    "assemble", "attach", "attempt", "avoid", "be", "become", "begin", "believe", "belong", "bring",
    "build", "buy", "call", "carry", "catch", "cause", "change", "charge", "check", "choose", "claim",
    "clean", "close", "come", "compare", "complete", "connect", "consider", "contain", "continue",
    "control", "cook", "cost", "cover", "create", "cut", "deal", "decide", "deserve", "develop",
    "discover", "display", "do", "draw", "drink", "drive", "drop", "eat", "end", "expect", "explain",
    "explore", "face", "fall", "feature", "feed", "feel", "fight", "figure", "fill", "find", "finish",
    "fit", "fix", "fly", "focus", "follow", "force", "forget", "form", "gain", "get", "give", "glue",
    "go", "grow", "handle", "hang", "happen", "have", "hear", "hit", "hold", "hurt", "identify",
    "imagine", "include", "increase", "indicate", "install", "intend", "introduce", "involve", "join",
    "keep", "kill", "know", "laugh", "lay", "lead", "learn", "leave", "let", "lie", "lift", "listen",
    "live", "look", "lose", "make", "manage", "mark", "match", "mean", "measure", "meet", "mention",
    "mix", "move", "need", "notice", "offer", "open", "operate", "order", "own", "pack", "pass", "pay",
    "perform", "pick", "place", "plan", "play", "point", "pour", "present", "press", "prove", "provide",
    "pull", "purchase", "push", "put", "raise", "reach", "read", "realize", "receive", "reduce", "refer",
    "release", "rely", "remain", "remember", "remind", "remove", "replace", "represent", "require",
    "return", "reveal", "ride", "run", "say", "see", "seem", "sell", "send", "serve", "set", "share",
    "ship", "show", "shut", "sit", "sleep", "smell", "sort", "sound", "speak", "spend", "stand", "start",
    "state", "stay", "stick", "stop", "strike", "study", "suggest", "support", "suppose", "surround",
    "take", "talk", "taste", "tell", "tend", "test", "think", "throw", "tie", "touch", "treat", "try",
    "turn", "twist", "understand", "unfold", "update", "use", "view", "visit", "wait", "walk", "want",
    "wash", "watch", "wear", "wish", "wonder", "work", "worry", "write",
    /* clang-format on */
};

const WordList common_verbs = {common_verbs_words,
                               sizeof(common_verbs_words) / sizeof(common_verbs_words[0])};

static const char *const empty_nouns_words[] = {
    /* clang-format off */
    "a.m.", "ability", "afterwards", "ago", "air", "alike", "all", "almost", "alone", "amazon", "amount",
    "answer", "anybody", "anyone", "anything", "anyway", "anywhere", "apart", "area", "around", "aside",
    "aspect", "audience", "audiences", "available", "away", "back", "beginning", "besides", "best", "bit",
    "boy", "brand", "case", "cases", "children", "choice", "close", "couple", "course", "critic", "dad",
    "daughter", "day", "days", "degree", "detail", "dog", "dogs", "dr", "ebay", "effort", "either",
    "else", "end", "ends", "enough", "etc", "event", "everybody", "everyone", "everything", "everywhere",
    "example", "extent", "eye", "eyes", "fact", "fan", "fans", "few", "forever", "friend", "friends",
    "front", "full", "furthermore", "girl", "girls", "going", "good", "group", "guess", "guy", "guys",
    "half", "hand", "hands", "hour", "hours", "house", "husband", "imaginable", "indeed", "info",
    "instance", "instead", "job", "kid", "kids", "kind", "kinds", "lady", "later", "let", "list", "lot",
    "lots", "love", "man", "many", "matter", "maybe", "me", "meanwhile", "mind", "minute", "minutes",
    "moment", "moments", "month", "months", "moreover", "morning", "mother", "mr", "mrs", "ms", "much",
    "mum", "name", "need", "needs", "next", "night", "nobody", "nothing", "nowhere", "number", "occasion",
    "once", "ones", "order", "orders", "other", "others", "otherwise", "ourselves", "overall", "p.m.",
    "pair", "part", "parts", "people", "perhaps", "person", "place", "places", "plenty", "plus", "point",
    "possible", "reader", "reason", "reasons", "rest", "result", "review", "reviewer", "reviewers",
    "reviews", "same", "second", "seconds", "section", "self", "sense", "series", "set", "shot", "side",
    "sides", "single", "sister", "so-called", "somehow", "sometime", "somewhat", "somewhere", "son",
    "soon", "sort", "sorts", "spite", "star", "stars", "step", "store", "sum", "surprise", "team", "term",
    "terms", "thanks", "thing", "things", "third", "time", "times", "today", "together", "tomorrow",
    "tonight", "total", "town", "truth", "twice", "type", "types", "use", "user", "users", "variety",
    "version", "versions", "viewer", "viewers", "way", "ways", "week", "weeks", "while", "wife", "woman",
    "women", "word", "words", "work", "world", "year", "years", "yesterday", "yet", "you",
    /* clang-format on */
};

const WordList empty_nouns = {empty_nouns_words, sizeof(empty_nouns_words) / sizeof(empty_nouns_words[0])};

static const char *const experiencer_adjectives_words[] = {
    /* clang-format off */
    "angry", "annoyed", "bored", "confused", "delighted", "disappointed", "dissatisfied", "ecstatic",
    "excited", "frustrated", "glad", "grateful", "happy", "hooked", "impressed", "obsessed", "pleased",
    "proud", "satisfied", "sick", "surprised", "thankful", "thrilled", "tired", "underwhelmed", "unhappy",
    "unimpressed", "upset",
    /* clang-format on */
};

const WordList experiencer_adjectives = {experiencer_adjectives_words,
                                         sizeof(experiencer_adjectives_words) /
                                             sizeof(experiencer_adjectives_words[0])};

static const char *const experiencer_verbs_words[] = {
    /* clang-format off */
    "admire", "adore", "applaud", "appreciate", "commend", "despise", "detest", "dislike", "enjoy",
    "hate", "like", "loathe", "love", "praise", "recommend", "regret", "relish", "savor", "savour",
    "treasure",
    /* clang-format on */
};

const WordList experiencer_verbs = {experiencer_verbs_words,
                                    sizeof(experiencer_verbs_words) / sizeof(experiencer_verbs_words[0])};

static const char *const film_words_words[] = {
    /* clang-format off */
    "actor", "actors", "actress", "adaptation", "audience", "audiences", "biopic", "cast", "cinema",
    "cinematic", "cinematography", "comedies", "comedy", "directed", "director", "directs", "documentary",
    "drama", "dramatic", "farce", "film", "filmed", "filmmaker", "filmmakers", "filmmaking", "films",
    "flick", "genre", "hollywood", "horror", "movie", "movies", "narrative", "oscar", "plot", "plotting",
    "prequel", "protagonist", "remake", "romcom", "satire", "scene", "scenes", "screen", "screenplay",
    "screenwriter", "script", "sequel", "star", "starring", "stars", "storytelling", "suspense",
    "thriller", "viewer", "viewers", "western",
    /* clang-format on */
};

const WordList film_words = {film_words_words, sizeof(film_words_words) / sizeof(film_words_words[0])};

static const char *const goods_words_words[] = {
    /* clang-format off */
    "adapter", "amazon", "arrive", "arrived", "battery", "bought", "brand", "broke", "buy", "buying",
    "cable", "charge", "clean", "color", "colors", "delivered", "delivery", "fabric", "fit", "fits",
    "gift", "guitar", "hair", "install", "installed", "item", "items", "magazine", "material", "order",
    "ordered", "pack", "package", "packaging", "plastic", "price", "product", "products", "purchase",
    "purchased", "quality", "received", "recommend", "returned", "seller", "shipped", "shipping", "size",
    "skin", "smell", "sturdy", "subscription", "taste", "use", "used", "using", "wash", "wear", "wearing",
    "work", "works",
    /* clang-format on */
};

const WordList goods_words = {goods_words_words, sizeof(goods_words_words) / sizeof(goods_words_words[0])};
