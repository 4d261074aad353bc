#include "model/order_gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"
#include "base/rng.h"
#include "model/order.h"
#include "model/order_breaker.h"
#include "model/order_json.h"

#define MAX_ITEMS 5
#define UUID_SIZE 37

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* What a shop knows. Prices are in cents of euros; a country's rate turns them into its money. */

struct country {
    const char *currency;
    int64_t rate;                  /* hundredths of its money for one euro */
    int64_t coin;                  /* its smallest one, in hundredths */
    int64_t tax;                   /* hundredths of a percent */
    int64_t shipping;              /* cents of euros */
    const char *const *warehouses; /* NULL-terminated */
    const char *const *payments;   /* NULL-terminated */
};

enum land { DE, FR, ES, IT, PL, GB, US, BR, JP, IN, SE, CZ };

static const char *const central[] = {"LEJ-2 Leipzig", "HAJ-1 Hannover", "PRG-1 Praha", NULL};
static const char *const west[] = {"CDG-4 Roissy", "LYS-1 Lyon", "BCN-3 El Prat", NULL};
static const char *const south[] = {"MXP-5 Castel San Giovanni", "BCN-3 El Prat", NULL};
static const char *const north[] = {"ARN-1 Eskilstuna", "HAM-2 Hamburg", NULL};
static const char *const britain[] = {"BHX-4 Coventry", "MAN-1 Manchester", NULL};
static const char *const america[] = {"EWR-9 Carteret", "ONT-2 San Bernardino", "DFW-7 Fort Worth",
                                      NULL};
static const char *const brazil[] = {"GRU-5 Cajamar", NULL};
static const char *const asia[] = {"NRT-2 Ichikawa", "BOM-7 Bhiwandi", NULL};

static const char *const euro_payments[] = {"credit_card", "sepa_debit", "paypal", "klarna", NULL};
static const char *const card_payments[] = {"credit_card", "debit_card", "paypal", "apple_pay",
                                            NULL};
static const char *const pix_payments[] = {"pix", "boleto", "credit_card", NULL};
static const char *const polish_payments[] = {"blik", "credit_card", "bank_transfer", NULL};
static const char *const asian_payments[] = {"credit_card", "upi", "konbini", "bank_transfer",
                                             NULL};

static const struct country countries[] = {
    [DE] = {"EUR", 100, 1, 1900, 495, central, euro_payments},
    [FR] = {"EUR", 100, 1, 2000, 590, west, euro_payments},
    [ES] = {"EUR", 100, 1, 2100, 450, west, euro_payments},
    [IT] = {"EUR", 100, 1, 2200, 550, south, euro_payments},
    [PL] = {"PLN", 427, 1, 2300, 350, central, polish_payments},
    [GB] = {"GBP", 86, 1, 2000, 480, britain, card_payments},
    [US] = {"USD", 109, 1, 825, 799, america, card_payments},
    [BR] = {"BRL", 612, 1, 1700, 900, brazil, pix_payments},
    [JP] = {"JPY", 16300, 100, 1000, 610, asia, asian_payments},
    [IN] = {"INR", 9120, 1, 1800, 240, asia, asian_payments},
    [SE] = {"SEK", 1134, 1, 2500, 520, north, card_payments},
    [CZ] = {"CZK", 2520, 1, 2100, 390, central, card_payments},
};

struct customer {
    const char *name;
    const char *email;
    const char *phone;
    const char *address;
    enum land land;
};

static const struct customer customers[] = {
    {"Anna Schäfer", "anna.schaefer@example.de", "+49 30 5550101", "Gartenstraße 12, 10115 Berlin",
     DE},
    {"Jörg Müller", "j.mueller@example.de", "+49 89 5550144", "Lindwurmstraße 88, 80337 München",
     DE},
    {"Mehmet Yıldız", "mehmet.yildiz@example.de", "+49 221 5550178",
     "Venloer Straße 301, 50823 Köln", DE},
    {"Katharina Groß", "katharina.gross@example.de", "+49 351 5550123",
     "Königsbrücker Straße 40, 01099 Dresden", DE},
    {"Lena Weiß", "lena@weiss-design.example", "+49 40 5550190",
     "Große Elbstraße 145, 22767 Hamburg", DE},
    {"Émile Lefèvre", "emile.lefevre@example.fr", "+33 1 55 50 01 12",
     "18 rue de la Forêt, 75011 Paris", FR},
    {"Chloé Dubois", "chloe.dubois@example.fr", "+33 4 55 50 01 87",
     "7 quai Saint-Antoine, 69002 Lyon", FR},
    {"François Noël", "f.noel@example.fr", "+33 5 55 50 01 34",
     "22 allée Jean-Jaurès, 31000 Toulouse", FR},
    {"Amélie Rousseau", "amelie.rousseau@example.fr", "+33 2 55 50 01 66",
     "3 place Graslin, 44000 Nantes", FR},
    {"Íñigo Núñez", "inigo.nunez@example.es", "+34 943 555 012",
     "Calle Urbieta 21, 20006 San Sebastián", ES},
    {"María José Ibáñez", "mj.ibanez@example.es", "+34 963 555 078",
     "Avenida del Puerto 116, 46023 Valencia", ES},
    {"Lucía Peña", "lucia.pena@example.es", "+34 954 555 031", "Calle Feria 59, 41003 Sevilla", ES},
    {"Jordi Güell", "jordi.guell@example.cat", "+34 932 555 099",
     "Carrer de Còrsega 303, 08008 Barcelona", ES},
    {"Niccolò Rossi", "niccolo.rossi@example.it", "+39 055 555 0142",
     "Via dei Serragli 101, 50124 Firenze", IT},
    {"Giulia Bianchi", "giulia.bianchi@example.it", "+39 02 5550 117",
     "Corso Buenos Aires 33, 20124 Milano", IT},
    {"Salvatore D'Amico", "s.damico@example.it", "+39 091 555 0163",
     "Via Maqueda 217, 90133 Palermo", IT},
    {"Łukasz Wójcik", "lukasz.wojcik@example.pl", "+48 22 555 01 27",
     "ul. Żelazna 54, 00-852 Warszawa", PL},
    {"Małgorzata Dąbrowska", "m.dabrowska@example.pl", "+48 12 555 01 93",
     "ul. Długa 17, 31-147 Kraków", PL},
    {"Paweł Kamiński", "pawel.kaminski@example.pl", "+48 71 555 01 48",
     "ul. Świdnicka 8, 50-067 Wrocław", PL},
    {"Olivia Hughes", "olivia.hughes@example.co.uk", "+44 20 7946 0112",
     "14 Camden Passage, London N1 8EA", GB},
    {"Callum MacLeod", "callum.macleod@example.co.uk", "+44 131 496 0155",
     "27 Leith Walk, Edinburgh EH6 8LN", GB},
    {"Priya Chatterjee", "priya.c@example.co.uk", "+44 121 496 0133",
     "5 Harborne Road, Birmingham B15 3AA", GB},
    {"Seán O'Brien", "sean.obrien@example.co.uk", "+44 28 9649 6017",
     "61 Botanic Avenue, Belfast BT7 1JL", GB},
    {"Emily Carter", "emily.carter@example.com", "+1 206 555 0118",
     "4120 Fremont Ave N, Seattle, WA 98103", US},
    {"James Washington", "jwashington@example.com", "+1 404 555 0176",
     "885 Edgewood Ave NE, Atlanta, GA 30307", US},
    {"Sofía Ramírez", "sofia.ramirez@example.com", "+1 512 555 0139",
     "2301 E Cesar Chavez St, Austin, TX 78702", US},
    {"Nguyễn Minh Anh", "minhanh.nguyen@example.com", "+1 408 555 0182",
     "1655 Berryessa Rd, San Jose, CA 95133", US},
    {"Robert \"Bob\" Kowalski", "bob.kowalski@example.com", "+1 312 555 0147",
     "3001 N Milwaukee Ave, Chicago, IL 60618", US},
    {"Zoë Goldberg", "zoe@goldberg.example.com", "+1 718 555 0161",
     "245 Bedford Ave, Brooklyn, NY 11211", US},
    {"João Magalhães", "joao.magalhaes@example.com.br", "+55 11 95550-1123",
     "Rua Augusta 1524, São Paulo - SP, 01304-001", BR},
    {"Luísa Araújo", "luisa.araujo@example.com.br", "+55 21 95550-1187",
     "Rua das Laranjeiras 210, Rio de Janeiro - RJ", BR},
    {"Antônio Conceição", "antonio.conceicao@example.com.br", "+55 71 95550-1156",
     "Ladeira da Barra 402, Salvador - BA", BR},
    {"佐藤 陽菜", "hina.sato@example.jp", "+81 3 5550 0112", "東京都世田谷区北沢2-24-5", JP},
    {"田中 健太", "kenta.tanaka@example.jp", "+81 6 5550 0145", "大阪府大阪市北区中崎西4-1-8", JP},
    {"鈴木 さくら", "sakura.suzuki@example.jp", "+81 75 5550 0178", "京都府京都市左京区吉田本町36",
     JP},
    {"अदिति शर्मा", "aditi.sharma@example.in", "+91 98555 50112",
     "14 MG Road, Indiranagar, Bengaluru 560038", IN},
    {"Arjun Patel", "arjun.patel@example.in", "+91 98555 50187",
     "B-7 Satellite Road, Ahmedabad 380015", IN},
    {"தமிழ்செல்வி முருகன்", "tamilselvi.m@example.in", "+91 98555 50134",
     "22 Pondy Bazaar, T. Nagar, Chennai 600017", IN},
    {"Åsa Lindström", "asa.lindstrom@example.se", "+46 8 555 011 24",
     "Götgatan 78, 118 30 Stockholm", SE},
    {"Björn Östberg", "bjorn.ostberg@example.se", "+46 31 555 011 67",
     "Linnégatan 21, 413 04 Göteborg", SE},
    {"Märta Sjöberg", "marta.sjoberg@example.se", "+46 40 555 011 92",
     "Södra Förstadsgatan 40, 211 43 Malmö", SE},
    {"Jiří Dvořák", "jiri.dvorak@example.cz", "+420 255 501 12", "Veverkova 11, 170 00 Praha 7",
     CZ},
    {"Tereza Šťastná", "tereza.stastna@example.cz", "+420 255 501 87", "Údolní 33, 602 00 Brno",
     CZ},
    {"Oleksandr Шевченко", "o.shevchenko@example.cz", "+420 255 501 45",
     "Nádražní 164, 702 00 Ostrava", CZ},
};

struct product {
    const char *id;
    const char *name;
    int64_t price; /* cents of euros */
};

static const struct product products[] = {
    {"SKU-10012", "Wireless Ergonomic Mouse", 3490},
    {"SKU-10027", "Mechanical Keyboard, Brown Switches", 8990},
    {"SKU-10031", "27\" QHD Monitor", 26900},
    {"SKU-10044", "USB-C Docking Station", 12950},
    {"SKU-10058", "Noise Cancelling Headphones", 19900},
    {"SKU-10063", "Full HD Webcam", 5995},
    {"SKU-10079", "Laptop Stand, Aluminium", 3299},
    {"SKU-10085", "1 TB Portable SSD", 8999},
    {"SKU-10096", "65 W GaN Charger", 4495},
    {"SKU-20011", "Espresso Beans, 1 kg", 1850},
    {"SKU-20024", "Pour Over Coffee Set", 4290},
    {"SKU-20038", "Burr Coffee Grinder", 7490},
    {"SKU-20045", "Stainless Steel Water Bottle", 2195},
    {"SKU-20052", "Cast Iron Skillet 26 cm", 3890},
    {"SKU-20067", "Chef's Knife 20 cm", 6950},
    {"SKU-20073", "Sencha Green Tea, 200 g", 1290},
    {"SKU-30016", "Trail Running Shoes", 11900},
    {"SKU-30023", "Yoga Mat, Natural Rubber", 5490},
    {"SKU-30039", "Cycling Helmet", 7995},
    {"SKU-30041", "Merino Base Layer", 6490},
    {"SKU-30056", "Insulated Rain Jacket", 15990},
    {"SKU-30068", "Climbing Rope 60 m", 14950},
    {"SKU-30074", "Headlamp 400 lm", 4999},
    {"SKU-40013", "Desk Lamp, Dimmable", 4590},
    {"SKU-40029", "Office Chair, Mesh Back", 24900},
    {"SKU-40032", "Standing Desk Frame", 34900},
    {"SKU-40047", "Bookshelf, Oak", 17900},
    {"SKU-40055", "Linen Bedding Set", 12900},
    {"SKU-40061", "Wool Blanket", 8450},
    {"SKU-50018", "Fountain Pen, Fine Nib", 3650},
    {"SKU-50022", "Dotted Notebook A5", 1495},
    {"SKU-50036", "Watercolour Set, 24 Pans", 2990},
    {"SKU-50049", "Board Game \"Harbour\"", 3999},
    {"SKU-50053", "Building Bricks, 800 Pieces", 5999},
    {"SKU-50064", "Acoustic Guitar Strings", 1199},
    {"SKU-60017", "Solar Power Bank 20 Ah", 4990},
    {"SKU-60021", "Bike Repair Stand", 8995},
    {"SKU-60035", "Cordless Drill 18 V", 11950},
    {"SKU-60042", "LED Bulbs E27, Pack of 6", 1799},
    {"SKU-60059", "Smart Thermostat", 17950},
};

static const char *const loyalty_levels[] = {"bronze", "silver", "gold", "platinum"};

static const char *const notes[] = {
    "Leave at the front door, please.",
    "Ring twice, the bell is quiet.",
    "Deliver to the neighbour on the 2nd floor.",
    "Gift: no invoice in the parcel.",
    "Call before delivery.",
    "Bitte beim Nachbarn abgeben (Müller, EG).",
    "Sonner à l'interphone nº 4.",
    "不在時は宅配ボックスへお願いします。",
};

/* One order in the making and all its texts. */
struct draft {
    struct order order;
    struct order_item items[MAX_ITEMS];
    char order_id[UUID_SIZE];
    char correlation_id[UUID_SIZE];
    char customer_id[16];
    char timestamp[RFC3339_SIZE];
};

static size_t pick(struct rng *rng, size_t count)
{
    return (size_t)rng_range(rng, 0, (int64_t)count - 1);
}

static const char *pick_name(struct rng *rng, const char *const *list)
{
    size_t count = 0;

    while (list[count])
        count++;
    return list[pick(rng, count)];
}

/* A random UUID: version 4, variant 10 (RFC 9562, 5.4). */
static void make_uuid(struct rng *rng, char out[UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t half[2] = {rng_next(rng), rng_next(rng)};
    char *p = out;

    half[0] = (half[0] & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    half[1] = (half[1] & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *p++ = '-';
        *p++ = digits[half[i / 16] >> (60 - i % 16 * 4) & 15];
    }
    *p = '\0';
}

/* value / divisor in whole coins, the half rounded up. */
static int64_t in_coins(const struct country *c, int64_t value, int64_t divisor)
{
    divisor *= c->coin;
    return (value + divisor / 2) / divisor * c->coin;
}

static int64_t in_money_of(const struct country *c, int64_t euro_cents)
{
    return in_coins(c, euro_cents * c->rate, 100);
}

/* Small orders are more common than large ones. */
static size_t draw_item_count(struct rng *rng)
{
    static const unsigned char counts[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5};

    return counts[pick(rng, sizeof(counts))];
}

static int64_t draw_quantity(struct rng *rng)
{
    static const unsigned char quantities[] = {1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 6, 12};

    return quantities[pick(rng, sizeof(quantities))];
}

/* Different products: the first by chance, the others by equal steps through the list. */
static void make_items(struct draft *d, const struct country *c, struct rng *rng)
{
    size_t at = pick(rng, COUNT(products));
    size_t step = 1 + pick(rng, 7);

    d->order.items = d->items;
    d->order.item_count = draw_item_count(rng);
    for (size_t i = 0; i < d->order.item_count; i++) {
        const struct product *p = &products[(at + i * step) % COUNT(products)];
        struct order_item *it = &d->items[i];

        *it = (struct order_item){.item_id = p->id,
                                  .item_name = p->name,
                                  .quantity = draw_quantity(rng),
                                  .unit_price = in_money_of(c, p->price),
                                  .has_quantity = true,
                                  .has_unit_price = true,
                                  .has_total_price = true};
        it->total_price = it->quantity * it->unit_price;
        d->order.subtotal += it->total_price;
    }
}

/* The stock of the order's first item. */
static void make_inventory(struct draft *d, const struct country *c, struct rng *rng)
{
    const struct order_item *it = &d->items[0];
    int64_t available = rng_range(rng, 0, 9) ? it->quantity + rng_range(rng, 0, 400) : 0;

    d->order.has_inventory = true;
    d->order.inventory = (struct order_inventory){.item_id = it->item_id,
                                                  .item_name = it->item_name,
                                                  .available_qty = available,
                                                  .reserved_qty = it->quantity,
                                                  .unit_price = it->unit_price,
                                                  .in_stock = available > 0,
                                                  .warehouse = pick_name(rng, c->warehouses)};
}

static void make_customer(struct draft *d, size_t i)
{
    const struct customer *who = &customers[i];

    snprintf(d->customer_id, sizeof(d->customer_id), "CUST-%05zu", 10007 + i * 131);
    d->order.customer =
        (struct order_customer){.customer_id = d->customer_id,
                                .name = who->name,
                                .email = who->email,
                                .phone = who->phone,
                                .address = who->address,
                                .loyalty_level = loyalty_levels[i * 7 / 3 % COUNT(loyalty_levels)]};
}

/* Shipping is free for large orders. */
static void make_sums(struct order *o, const struct country *c)
{
    o->has_subtotal = o->has_tax = o->has_shipping_fee = o->has_total = true;
    o->tax = in_coins(c, o->subtotal * c->tax, 10000);
    o->shipping_fee = o->subtotal >= in_money_of(c, 25000) ? 0 : in_money_of(c, c->shipping);
    o->total = o->subtotal + o->tax + o->shipping_fee;
}

static void make_metadata(struct draft *d, int64_t now_ms)
{
    rfc3339_format(now_ms, d->timestamp);
    d->order.metadata = (struct order_metadata){.timestamp = d->timestamp,
                                                .timestamp_ms = now_ms,
                                                .version = "1.0",
                                                .event_type = "order.created",
                                                .source = "producer-service",
                                                .correlation_id = d->correlation_id};
}

static void make_order(struct draft *d, int64_t sequence, int64_t now_ms, struct rng *rng)
{
    size_t who = pick(rng, COUNT(customers));
    const struct country *c = &countries[customers[who].land];
    struct order *o = &d->order;

    *o = (struct order){.order_id = d->order_id,
                        .sequence = sequence,
                        .has_sequence = true,
                        .status = "pending",
                        .currency = c->currency};
    make_uuid(rng, d->order_id);
    make_uuid(rng, d->correlation_id);
    make_customer(d, who);
    make_items(d, c, rng);
    make_inventory(d, c, rng);
    make_sums(o, c);
    o->payment_method = pick_name(rng, c->payments);
    if (rng_range(rng, 0, 9) < 3)
        o->delivery_notes = notes[pick(rng, COUNT(notes))];
    make_metadata(d, now_ms);
}

static void set_text(struct strbuf *sb, const char *text)
{
    strbuf_reset(sb);
    strbuf_adds(sb, text);
}

void order_gen_init(struct order_gen *g, uint64_t seed, double invalid_rate)
{
    *g = (struct order_gen){.seed = seed, .invalid_rate = invalid_rate};
}

static const struct order_breaker *draw_breaker(const struct order_gen *g, struct rng *rng)
{
    if (g->invalid_rate <= 0 || rng_unit(rng) >= g->invalid_rate)
        return NULL;
    return &order_breakers[pick(rng, order_breaker_count)];
}

void order_gen_next(struct order_gen *g, int64_t now_ms, struct order_message *m)
{
    const struct order_breaker *b;
    struct draft d;
    struct rng rng;

    g->sequence++;
    rng_seed(&rng, rng_mix(g->seed) ^ (uint64_t)g->sequence);
    make_order(&d, g->sequence, now_ms, &rng);
    b = draw_breaker(g, &rng);
    set_text(&m->key, d.order_id);
    set_text(&m->correlation_id, d.correlation_id);
    m->timestamp_ms = now_ms;
    m->broken = b ? b->name : NULL;
    m->reason = b ? b->reason : RECORD_REASON_NONE;
    m->has_value = !b || b->order || b->bytes;
    strbuf_reset(&m->value);
    if (!m->has_value)
        return;
    if (b && b->order)
        b->order(&d.order, &rng);
    order_encode(&d.order, &m->value);
    if (b && b->bytes)
        b->bytes(&m->value, &rng);
}

void order_message_release(struct order_message *m)
{
    strbuf_release(&m->key);
    strbuf_release(&m->value);
    strbuf_release(&m->correlation_id);
    *m = (struct order_message){0};
}
