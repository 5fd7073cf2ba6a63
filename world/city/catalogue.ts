import type { Requirement, Sku } from '../../ingest/events/envelope.ts'
import { draws, weightedIndex } from './random.ts'

/** What the city's warehouses sell: some 300 things everybody knows, a few of them in every second bag. */
export interface Item {
  sku: Sku
  name: string
  unit: 'each' | 'g'
  /** US cents for one, or for 100 g */
  price_cents: number
  /** smallest quantity sold, in `unit` */
  step: number
  /** share of all lines that ask for it; all shares add up to 1 */
  share: number
  requires: Requirement | undefined
}

/** Most wanted first, all departments mixed: this order makes the popularity curve. */
const BESTSELLERS =
  'Whole milk, Bananas, Eggs dozen, White bread, Avocado, Spring water 6-pack, Cola 2 l, Strawberries, Butter, ' +
  '2% milk, Tortilla chips, Vanilla ice cream, Ground beef, Chicken breast, Greek yogurt, Blueberries, Bagels, ' +
  'Lemons, Tomatoes, Toilet paper 6-pack, Shredded cheddar, Orange juice, Frozen pepperoni pizza, Oat milk, ' +
  'Salsa, Coffee beans, Bacon, Cream cheese, Lager 6-pack, Baby spinach, Potato chips, Cucumber, Red wine, ' +
  'Sparkling water 8-pack, Spaghetti, Paper towels 2-pack, Chocolate chip cookies, Limes, Hummus, Onions'

/** department → `name cents`, separated by semicolons. Sold by the gram where the department says so. */
const DEPARTMENTS: readonly { items: string; grams?: true; requires?: Requirement }[] = [
  {
    // fruit and vegetables
    items: `Bananas 79; Avocado 149; Strawberries 499; Blueberries 449; Raspberries 499; Lemons 69; Limes 59; Oranges 99;
      Gala apples 89; Granny Smith apples 99; Honeycrisp apples 139; Pears 109; Peaches 129; Mango 169; Pineapple 399;
      Watermelon quarter 349; Cantaloupe 399; Kiwi 79; Pomegranate 299; Tomatoes 119; Cherry tomatoes 399; Cucumber 119;
      Baby spinach 349; Romaine hearts 399; Arugula 349; Kale 279; Iceberg lettuce 229; Broccoli 249; Cauliflower 349;
      Carrots 199; Celery 229; Onions 89; Red onions 99; Garlic 79; Ginger root 149; Russet potatoes 399; Sweet potatoes 129;
      Red bell pepper 169; Green bell pepper 119; Jalapeno 49; Zucchini 129; Eggplant 199; Asparagus 399; Green beans 299;
      Corn on the cob 89; Mushrooms 299; Scallions 119; Cilantro 129; Parsley 149; Basil 299; Mint 249`,
  },
  {
    items:
      'Green grapes 88; Red grapes 88; Sliced turkey 249; Sliced ham 229; Swiss cheese 219; Salmon fillet 329; Shrimp 289',
    grams: true,
  },
  {
    // dairy and eggs
    items: `Whole milk 429; 2% milk 419; Skim milk 419; Oat milk 499; Almond milk 449; Soy milk 429; Chocolate milk 299;
      Eggs dozen 399; Butter 549; Margarine 349; Greek yogurt 599; Strawberry yogurt 129; Plain yogurt 399; Kefir 449;
      Cream cheese 349; Sour cream 299; Half and half 329; Heavy cream 449; Shredded cheddar 449; Mozzarella 429;
      Parmesan 599; Feta 499; Goat cheese 549; Brie 699; American cheese slices 399; Cottage cheese 379; String cheese 549`,
  },
  {
    // bread
    items: `White bread 349; Whole wheat bread 399; Sourdough loaf 549; Rye bread 449; Bagels 449; English muffins 379;
      Hamburger buns 329; Hot dog buns 329; Flour tortillas 349; Corn tortillas 279; Pita 349; Croissants 549;
      Blueberry muffins 499; Cinnamon rolls 549; Donuts half dozen 699; Baguette 299`,
  },
  {
    // meat and fish
    items: `Ground beef 699; Ground turkey 599; Chicken breast 799; Chicken thighs 599; Whole chicken 999; Pork chops 799;
      Sirloin steak 1399; Bacon 799; Breakfast sausage 549; Italian sausage 649; Hot dogs 549; Pepperoni 449; Salami 599;
      Tuna can 199; Sardines 249; Smoked salmon 999; Rotisserie chicken 999; Tofu 299; Veggie burgers 599`,
  },
  {
    // pantry
    items: `Spaghetti 199; Penne 199; Macaroni and cheese 179; Ramen 99; Jasmine rice 499; Brown rice 449; Quinoa 599;
      Black beans 129; Chickpeas 129; Kidney beans 129; Lentils 249; Tomato sauce 249; Marinara sauce 549; Pesto 499;
      Tomato paste 119; Diced tomatoes 169; Chicken broth 279; Vegetable broth 279; Tomato soup 199; Chicken noodle soup 229;
      Olive oil 1199; Vegetable oil 599; Balsamic vinegar 499; Apple cider vinegar 399; Soy sauce 349; Hot sauce 299;
      Ketchup 349; Yellow mustard 229; Dijon mustard 399; Mayonnaise 499; Ranch dressing 399; Barbecue sauce 329; Salsa 449;
      Guacamole 549; Hummus 449; Peanut butter 399; Almond butter 899; Strawberry jam 449; Honey 699; Maple syrup 999;
      Flour 399; Sugar 349; Brown sugar 299; Baking powder 249; Vanilla extract 899; Chocolate chips 399; Yeast 199; Salt 149;
      Black pepper 399; Cinnamon 299; Oregano 279; Paprika 299; Chili flakes 279; Corn flakes 449; Granola 599; Oatmeal 449;
      Toasted oat cereal 499; Pancake mix 399; Raisins 349; Pickles 399; Olives 349; Coconut milk 279; Taco shells 279`,
  },
  {
    // snacks and sweets
    items: `Tortilla chips 449; Potato chips 429; Sour cream chips 429; Cheese puffs 399; Pretzels 349; Popcorn 349; Microwave popcorn 399;
      Salted peanuts 399; Cashews 799; Almonds 799; Trail mix 699; Beef jerky 799; Crackers 399; Rice cakes 349;
      Chocolate chip cookies 449; Sandwich cookies 449; Brownies 499; Milk chocolate bar 229; Dark chocolate bar 299;
      Peanut butter cups 199; Gummy bears 249; Sour candy 249; Mints 199; Chewing gum 179; Granola bars 449; Protein bar 299`,
  },
  {
    // drinks
    items: `Spring water 6-pack 399; Sparkling water 8-pack 549; Lime sparkling water 8-pack 549; Cola 2 l 279; Diet cola 2 l 279;
      Cola 12-pack 899; Diet cola 12-pack 899; Ginger ale 279; Root beer 279; Lemon-lime soda 279; Orange soda 279; Tonic water 299;
      Energy drink 299; Sugar-free energy drink 299; Sports drink 249; Iced tea 299; Lemonade 349; Orange juice 499; Apple juice 399;
      Cranberry juice 449; Cold brew 499; Coffee beans 1199; Ground coffee 999; Instant coffee 799; Black tea 449; Green tea 449;
      Chamomile tea 449; Hot cocoa 399; Kombucha 399; Coconut water 349`,
  },
  {
    // beer and wine
    items: `Lager 6-pack 1099; IPA 6-pack 1299; Wheat beer 6-pack 1199; Light beer 12-pack 1499; Hard seltzer 12-pack 1799; Red wine 1299;
      White wine 1199; Rose wine 1299; Sparkling wine 1499`,
    requires: 'id_check',
  },
  {
    // frozen
    items: `Vanilla ice cream 549; Chocolate ice cream 549; Cookie dough ice cream 599; Ice cream sandwiches 499; Fruit popsicles 449;
      Frozen pepperoni pizza 749; Frozen cheese pizza 699; Frozen lasagna 899; Frozen burritos 299; Chicken nuggets 749;
      French fries 449; Tater tots 449; Frozen waffles 399; Frozen peas 249; Frozen corn 249; Frozen broccoli 299; Frozen berries 549;
      Fish sticks 649; Pierogi 449; Dumplings 599; Bag of ice 299`,
    requires: 'cold',
  },
  {
    // home and care
    items: `Toilet paper 6-pack 899; Paper towels 2-pack 599; Tissues 249; Napkins 349; Trash bags 899; Zip bags 449; Aluminum foil 499;
      Plastic wrap 399; Parchment paper 449; Dish soap 349; Dishwasher pods 999; Laundry detergent 1299; All-purpose cleaner 449;
      Glass cleaner 399; Bleach 449; Sponges 349; AA batteries 899; Light bulbs 699; Candles 599; Matches 199; Shampoo 699;
      Conditioner 699; Body wash 599; Bar soap 449; Hand soap 349; Toothpaste 449; Toothbrush 399; Mouthwash 599; Deodorant 599; Razors 899;
      Sunscreen 999; Ibuprofen 899; Cough drops 299; Adhesive bandages 449; Cotton swabs 349; Diapers 1299; Baby wipes 449;
      Dry cat food 1199; Wet cat food 149; Dry dog food 1599; Dog treats 599; Cat litter 1099; Phone cable 1299; Birthday candles 299`,
  },
]

/** Zipf–Mandelbrot: the first thing is asked for some forty times as often as the last. */
const EXPONENT = 0.8
const FLATTENED = 3

export const CATALOGUE: readonly Item[] = priced()

const indexOf = weightedIndex(CATALOGUE.map(item => item.share))

/** @param uniform [0, 1) */
export const wantedItem = (uniform: number): Item => CATALOGUE[indexOf(uniform)] as Item

function priced(): Item[] {
  const all = DEPARTMENTS.flatMap(department =>
    department.items.split(';').map(text => {
      const [, name = '', cents = ''] = /^\s*(.*\S)\s+(\d+)\s*$/s.exec(text) ?? []
      return { name, price_cents: Number(cents), grams: department.grams === true, requires: department.requires }
    }),
  )
  const popular = BESTSELLERS.split(',').map(name => name.trim())
  // Beyond the bestsellers the order is drawn once and for all, whatever the seed of the evening.
  const luck = new Map(all.map(({ name }) => [name, draws(0, 'popularity', name).uniform()]))
  const rank = ({ name }: { name: string }): number => {
    const at = popular.indexOf(name)
    return at >= 0 ? at : popular.length + (luck.get(name) ?? 0)
  }
  all.sort((a, b) => rank(a) - rank(b))
  const weights = all.map((_, i) => 1 / (i + FLATTENED) ** EXPONENT)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return all.map(({ name, price_cents, grams, requires }, i) => ({
    sku: skuOf(name),
    name,
    unit: grams ? 'g' : 'each',
    price_cents,
    step: grams ? 100 : 1,
    share: (weights[i] ?? 0) / sum,
    requires,
  }))
}

/** The name in letters a key may have: `2% milk` is `2-percent-milk`. */
function skuOf(name: string): Sku {
  const text = name.toLowerCase().replaceAll('%', '-percent')
  return text.replaceAll(/[^a-z0-9]+/g, '-') as Sku
}

// ── Stock levels ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Lines of one thing that a warehouse of average demand sells in an hour at nine orders a minute in the whole city. */
const LINES_PER_HOUR = 150
const HOURS_COVERED = 2.2

/** What the shelf is filled up to, in `unit`: more of what is wanted more, and no two warehouses alike. */
export function shelfTarget(seed: number, warehouse_id: string, item: Item, demand: number): number {
  const draw = draws(seed, 'shelf', warehouse_id, item.sku)
  const sold = item.share * LINES_PER_HOUR * HOURS_COVERED * demand * 1.4
  return Math.max(2, Math.round(3 + sold * draw.between(0.7, 1.4))) * unitsPerSale(item)
}

/** What is there when the evening begins: mostly well filled, some shelves nearly bare after the afternoon. */
export function shelfAtStart(seed: number, warehouse_id: string, item: Item, target: number): number {
  const draw = draws(seed, 'afternoon', warehouse_id, item.sku)
  if (draw.chance(0.025)) return draw.whole(0, 2) * unitsPerSale(item)
  return Math.round((target * draw.between(0.35, 1)) / item.step) * item.step
}

const unitsPerSale = (item: Item): number => (item.unit === 'g' ? 400 : 1)
