#include "catalogue.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum land { DE, FR, ES, IT, PL, GB, US, BR, JP, IN, SE, CZ };

static const char *const central[] = {"LEJ-2 Leipzig", "HAJ-1 Hannover", "PRG-1 Praha", NULL};
static const char *const west[] = {"CDG-4 Roissy", "LYS-1 Lyon", "BCN-3 El Prat", NULL};
static const char *const south[] = {"MXP-5 Castel San Giovanni", "BCN-3 El Prat", NULL};
static const char *const north[] = {"ARN-1 Eskilstuna", "HAM-2 Hamburg", NULL};
static const char *const britain[] = {"BHX-4 Coventry", "MAN-1 Manchester", NULL};
static const char *const america[] = {"EWR-9 Carteret", "ONT-2 San Bernardino", "DFW-7 Fort Worth",
                                      NULL};
static const char *const brazil[] = {"GRU-5 Cajamar", NULL};
static const char *const japan[] = {"NRT-2 Ichikawa", "KIX-1 Sakai", NULL};
static const char *const india[] = {"BOM-7 Bhiwandi", "BLR-4 Hoskote", NULL};

static const char *const euro_payments[] = {"credit_card", "sepa_debit", "paypal", "klarna", NULL};
static const char *const card_payments[] = {"credit_card", "debit_card", "paypal", "apple_pay",
                                            NULL};
static const char *const brazilian_payments[] = {"pix", "boleto", "credit_card", NULL};
static const char *const polish_payments[] = {"blik", "credit_card", "bank_transfer", NULL};
static const char *const japanese_payments[] = {"credit_card", "konbini", "bank_transfer", NULL};
static const char *const indian_payments[] = {"upi", "debit_card", "cash_on_delivery", NULL};

const struct catalogue_country catalogue_countries[] = {
    [DE] = {"EUR", 100, 1, 1900, 495, central, euro_payments},
    [FR] = {"EUR", 100, 1, 2000, 590, west, euro_payments},
    [ES] = {"EUR", 100, 1, 2100, 450, west, euro_payments},
    [IT] = {"EUR", 100, 1, 2200, 550, south, euro_payments},
    [PL] = {"PLN", 427, 1, 2300, 350, central, polish_payments},
    [GB] = {"GBP", 86, 1, 2000, 480, britain, card_payments},
    [US] = {"USD", 109, 1, 825, 799, america, card_payments},
    [BR] = {"BRL", 612, 1, 1700, 900, brazil, brazilian_payments},
    [JP] = {"JPY", 16300, 100, 1000, 610, japan, japanese_payments},
    [IN] = {"INR", 9120, 1, 1800, 240, india, indian_payments},
    [SE] = {"SEK", 1134, 1, 2500, 520, north, card_payments},
    [CZ] = {"CZK", 2520, 1, 2100, 390, central, card_payments},
};

const struct catalogue_customer catalogue_customers[] = {
    {"Anna Schäfer", "anna.schaefer@post.example", "+49 30 5550101",
     "Gartenstraße 12, 10115 Berlin", DE},
    {"Jörg Müller", "j.mueller@post.example", "+49 89 5550144", "Lindwurmstraße 88, 80337 München",
     DE},
    {"Mehmet Yıldız", "mehmet.yildiz@post.example", "+49 221 5550178",
     "Venloer Straße 301, 50823 Köln", DE},
    {"Katharina Groß", "katharina.gross@post.example", "+49 351 5550123",
     "Königsbrücker Straße 40, 01099 Dresden", DE},
    {"Lena Weiß", "lena@weiss-design.example", "+49 40 5550190",
     "Große Elbstraße 145, 22767 Hamburg", DE},
    {"Émile Lefèvre", "emile.lefevre@post.example", "+33 1 55 50 01 12",
     "18 rue de la Forêt, 75011 Paris", FR},
    {"Chloé Dubois", "chloe.dubois@post.example", "+33 4 55 50 01 87",
     "7 quai Saint-Antoine, 69002 Lyon", FR},
    {"François Noël", "f.noel@post.example", "+33 5 55 50 01 34",
     "22 allée Jean-Jaurès, 31000 Toulouse", FR},
    {"Amélie Rousseau", "amelie.rousseau@post.example", "+33 2 55 50 01 66",
     "3 place Graslin, 44000 Nantes", FR},
    {"Íñigo Núñez", "inigo.nunez@post.example", "+34 943 555 012",
     "Calle Urbieta 21, 20006 San Sebastián", ES},
    {"María José Ibáñez", "mj.ibanez@post.example", "+34 963 555 078",
     "Avenida del Puerto 116, 46023 Valencia", ES},
    {"Lucía Peña", "lucia.pena@post.example", "+34 954 555 031", "Calle Feria 59, 41003 Sevilla",
     ES},
    {"Jordi Güell", "jordi.guell@post.example", "+34 932 555 099",
     "Carrer de Còrsega 303, 08008 Barcelona", ES},
    {"Niccolò Rossi", "niccolo.rossi@post.example", "+39 055 555 0142",
     "Via dei Serragli 101, 50124 Firenze", IT},
    {"Giulia Bianchi", "giulia.bianchi@post.example", "+39 02 5550 117",
     "Corso Buenos Aires 33, 20124 Milano", IT},
    {"Salvatore D'Amico", "s.damico@post.example", "+39 091 555 0163",
     "Via Maqueda 217, 90133 Palermo", IT},
    {"Łukasz Wójcik", "lukasz.wojcik@post.example", "+48 22 555 01 27",
     "ul. Żelazna 54, 00-852 Warszawa", PL},
    {"Małgorzata Dąbrowska", "m.dabrowska@post.example", "+48 12 555 01 93",
     "ul. Długa 17, 31-147 Kraków", PL},
    {"Paweł Kamiński", "pawel.kaminski@post.example", "+48 71 555 01 48",
     "ul. Świdnicka 8, 50-067 Wrocław", PL},
    {"Olivia Hughes", "olivia.hughes@post.example", "+44 20 7946 0112",
     "14 Camden Passage, London N1 8EA", GB},
    {"Callum MacLeod", "callum.macleod@post.example", "+44 131 496 0155",
     "27 Leith Walk, Edinburgh EH6 8LN", GB},
    {"Priya Chatterjee", "priya.c@post.example", "+44 121 496 0133",
     "5 Harborne Road, Birmingham B15 3AA", GB},
    {"Seán O'Brien", "sean.obrien@post.example", "+44 28 9649 6017",
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
    {"Zoë Goldberg", "zoe@goldberg.example", "+1 718 555 0161",
     "245 Bedford Ave, Brooklyn, NY 11211", US},
    {"João Magalhães", "joao.magalhaes@post.example", "+55 11 95550-1123",
     "Rua Augusta 1524, São Paulo - SP, 01304-001", BR},
    {"Luísa Araújo", "luisa.araujo@post.example", "+55 21 95550-1187",
     "Rua das Laranjeiras 210, Rio de Janeiro - RJ", BR},
    {"Antônio Conceição", "antonio.conceicao@post.example", "+55 71 95550-1156",
     "Ladeira da Barra 402, Salvador - BA", BR},
    {"佐藤 陽菜", "hina.sato@post.example", "+81 3 5550 0112", "東京都世田谷区北沢2-24-5", JP},
    {"田中 健太", "kenta.tanaka@post.example", "+81 6 5550 0145", "大阪府大阪市北区中崎西4-1-8",
     JP},
    {"鈴木 さくら", "sakura.suzuki@post.example", "+81 75 5550 0178",
     "京都府京都市左京区吉田本町36", JP},
    {"अदिति शर्मा", "aditi.sharma@post.example", "+91 98555 50112",
     "14 MG Road, Indiranagar, Bengaluru 560038", IN},
    {"Arjun Patel", "arjun.patel@post.example", "+91 98555 50187",
     "B-7 Satellite Road, Ahmedabad 380015", IN},
    {"தமிழ்செல்வி முருகன்", "tamilselvi.m@post.example", "+91 98555 50134",
     "22 Pondy Bazaar, T. Nagar, Chennai 600017", IN},
    {"Åsa Lindström", "asa.lindstrom@post.example", "+46 8 555 011 24",
     "Götgatan 78, 118 30 Stockholm", SE},
    {"Björn Östberg", "bjorn.ostberg@post.example", "+46 31 555 011 67",
     "Linnégatan 21, 413 04 Göteborg", SE},
    {"Märta Sjöberg", "marta.sjoberg@post.example", "+46 40 555 011 92",
     "Södra Förstadsgatan 40, 211 43 Malmö", SE},
    {"Jiří Dvořák", "jiri.dvorak@post.example", "+420 255 501 12", "Veverkova 11, 170 00 Praha 7",
     CZ},
    {"Tereza Šťastná", "tereza.stastna@post.example", "+420 255 501 87", "Údolní 33, 602 00 Brno",
     CZ},
    {"Олександр Шевченко", "o.shevchenko@post.example", "+420 255 501 45",
     "Nádražní 164, 702 00 Ostrava", CZ},
};
const size_t catalogue_customer_count = COUNT(catalogue_customers);

const struct catalogue_product catalogue_products[] = {
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
const size_t catalogue_product_count = COUNT(catalogue_products);

const char *const catalogue_loyalty_levels[CATALOGUE_LOYALTY_LEVELS] = {"bronze", "silver", "gold",
                                                                        "platinum"};

const char *const catalogue_notes[] = {
    "Leave at the front door, please.",
    "Ring twice, the bell is quiet.",
    "Deliver to the neighbour on the 2nd floor.",
    "Gift: no invoice in the parcel.",
    "Call before delivery.",
    "Bitte beim Nachbarn abgeben (Müller, EG).",
    "Sonner à l'interphone nº 4.",
    "不在時は宅配ボックスへお願いします。",
    NULL,
};
